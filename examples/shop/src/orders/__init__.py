"""Orders at a shop, over HTTP."""

from orders.client import Orders
from orders.errors import Busy, OrderError, Unanswered, Unreachable

__all__ = ["Busy", "OrderError", "Orders", "Unanswered", "Unreachable"]
