"""Rounds, spreads and ratios."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from benchmarks.measure import Contestant, Rows, alternate, ratio, spread


def test_contestants_take_turns_and_the_first_round_is_forgotten() -> None:
    order: list[str] = []

    def contestant(name: str) -> Contestant:
        def run() -> Mapping[str, float]:
            order.append(name)
            return {name: float(len(order))}

        return run

    rows = alternate({"a": contestant("a"), "b": contestant("b")}, 2, lambda _: None)
    assert order == ["a", "b", "a", "b", "a", "b"]
    assert rows.seconds == {"a": [3.0, 5.0], "b": [4.0, 6.0]}


def test_what_is_said_names_the_round() -> None:
    said: list[str] = []
    alternate({"a": lambda: {"a": 1.0}}, 1, said.append)
    assert said == ["warming up: a", "round 1 of 1: a"]


def test_spread_of_five() -> None:
    found = spread([5.0, 1.0, 2.0, 3.0, 4.0])
    assert (found.n, found.least, found.q1, found.median, found.q3) == (5, 1.0, 2.0, 3.0, 4.0)


def test_spread_of_one() -> None:
    found = spread([2.0])
    assert (found.n, found.least, found.q1, found.median, found.q3) == (1, 2.0, 2.0, 2.0, 2.0)


def test_ratio_is_taken_within_rounds() -> None:
    # A slow round is slow for both: the ratio of the medians would be 3 / 4.
    rows = Rows({"a": [1.0, 10.0, 3.0], "b": [2.0, 20.0, 4.0]})
    assert ratio(rows, "a", "b") == 0.5


def test_ratio_of_rows_of_different_rounds_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        ratio(Rows({"a": [1.0], "b": [1.0, 2.0]}), "a", "b")


def test_long_parts_go_without_a_round_to_warm_up() -> None:
    times = iter([1.0, 2.0])
    rows = alternate({"a": lambda: {"a": next(times)}}, 2, lambda _: None, warm_up=False)
    assert rows.seconds == {"a": [1.0, 2.0]}
