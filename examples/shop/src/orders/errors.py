"""What can go wrong with an order, by what it means for whoever placed it."""

from __future__ import annotations


class OrderError(Exception):
    """The shop did not do what was asked."""


class Unreachable(OrderError):
    """Nothing reached the shop."""


class Busy(OrderError):
    """The shop answered that it could do nothing just now."""


class Unanswered(OrderError):
    """It reached the shop, and no answer came back whole: nobody knows what was done."""
