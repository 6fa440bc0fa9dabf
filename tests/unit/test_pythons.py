"""The series there are, and how they are named on a command line."""

from __future__ import annotations

import pytest

from labctl.errors import UsageError
from labctl.pythons import SERIES, USUAL, check_series, parse_series, series_of


def test_the_usual_series_is_one_of_those_there_are() -> None:
    assert USUAL in SERIES


@pytest.mark.parametrize("version", ["3.13.5", "3.13", "3.13.0rc2"])
def test_the_series_of_a_version(version: str) -> None:
    assert series_of(version) == "3.13"


@pytest.mark.parametrize(
    ("text", "series"),
    [
        ("3.9", ("3.9",)),
        ("3.13, 3.9,3.13", ("3.13", "3.9")),
        ("all", SERIES),
        ("3.9,all", SERIES),
    ],
)
def test_a_list_of_series_has_each_once(text: str, series: tuple[str, ...]) -> None:
    assert parse_series(text) == series


@pytest.mark.parametrize(("text", "wrong"), [("3.9,3.8", "3.8"), ("", ""), (",", ","), ("x", "x")])
def test_a_series_without_an_image_is_a_usage_error(text: str, wrong: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_series(text)
    assert str(caught.value) == f"no client image has Python {wrong!r}"
    assert caught.value.hint == "there are 3.9, 3.10, 3.11, 3.12, 3.13, 3.14, and all"


def test_a_series_that_there_is_comes_back() -> None:
    assert check_series("3.9") == "3.9"
