"""Shards: together all, each once, about as long, and always the same."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.errors import UsageError
from labctl.model.plan import Unit
from labctl.run.shards import parse_shard, shard

UNITS = [Unit(f"s{n % 7}", f"a{n}", series) for n in range(40) for series in ("3.9", "3.13")]
TIMES = {(unit.scenario, unit.attempt): 0.2 + (n % 11) / 3 for n, unit in enumerate(UNITS)}


@given(st.integers(1, 9), st.sets(st.integers(0, 79)))
def test_together_they_are_all_and_each_is_in_one(count: int, numbers: set[int]) -> None:
    units = [UNITS[n] for n in numbers]
    parts = [shard(units, TIMES, n + 1, count) for n in range(count)]
    assert sorted(unit for part in parts for unit in part) == sorted(units)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_they_take_about_as_long(count: int) -> None:
    def took(number: int) -> float:
        return sum(TIMES[u.scenario, u.attempt] for u in shard(UNITS, TIMES, number, count))

    loads = [took(n + 1) for n in range(count)]
    assert max(loads) - min(loads) <= max(TIMES.values())


def test_the_order_in_which_they_are_asked_for_changes_nothing() -> None:
    shuffled = random.Random(1).sample(UNITS, len(UNITS))  # noqa: S311 any order will do
    assert [shard(UNITS, TIMES, n, 3) for n in (1, 2, 3)] == [
        shard(shuffled, TIMES, n, 3) for n in (1, 2, 3)
    ]


def test_what_was_never_measured_counts_as_what_is_usual() -> None:
    times = {("s", "quick"): 1.0, ("s", "slow"): 9.0, ("s", "usual"): 4.0}
    units = [Unit("s", name, "3.13") for name in ("quick", "slow", "usual", "new")]
    first, second = (shard(units, times, n, 2) for n in (1, 2))
    assert {unit.attempt for unit in first} == {"slow"}
    assert {unit.attempt for unit in second} == {"new", "usual", "quick"}


def test_without_any_time_they_are_as_many() -> None:
    assert [len(shard(UNITS, {}, n, 4)) for n in (1, 2, 3, 4)] == [20, 20, 20, 20]


def test_what_a_shard_is() -> None:
    assert parse_shard("2/5") == (2, 5)


@pytest.mark.parametrize("text", ["", "2", "0/3", "4/3", "1/0", "a/b", "1/2/3", "-1/2", "1/99999"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_shard(text)
    assert str(caught.value) == f"there is no shard {text}"
    assert caught.value.hint == "give it as NUMBER/COUNT, such as 2/5"
