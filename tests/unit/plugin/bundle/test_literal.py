"""Values that a source text can say."""

from __future__ import annotations

import enum
import math
from collections import namedtuple
from datetime import timedelta

import pytest

from labctl.plugin.bundle.source_text import literal


class Text(str):
    __slots__ = ()


class Names(dict):  # type: ignore[type-arg]
    pass


class Row(list):  # type: ignore[type-arg]
    pass


class Colour(enum.IntEnum):
    RED = 1


Pair = namedtuple("Pair", "a b")  # noqa: PYI024


@pytest.mark.parametrize(
    "value", [1, -2.5, "a\n\u2028", b"\x00", None, True, 1j, [1], (1,), {1}, {"a": [{}]}, set()]
)
def test_plain_values_are(value: object) -> None:
    text = literal(value)
    assert text is not None
    assert eval(text) == value  # noqa: S307


@pytest.mark.parametrize(
    "value",
    [object(), Names(), Row(), Text("a"), Colour.RED, Pair(1, 2), math.nan, math.inf, print,
     timedelta(1), ...,
     [object()], [Text("a")]],
)  # fmt: skip
def test_others_are_not(value: object) -> None:
    assert literal(value) is None
