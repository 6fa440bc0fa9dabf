"""Rounds in which contestants take turns, and the numbers that come of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Contestant = Callable[[], Mapping[str, float]]
"""Runs once. Seconds by the name of a row."""
Say = Callable[[str], None]


class BenchmarkError(Exception):
    """A contestant did not do what it should: there is nothing to compare."""


@dataclass
class Rows:
    """Seconds by row; the numbers of all the rows of a part belong to the same rounds."""

    seconds: dict[str, list[float]] = field(default_factory=dict)

    def add(self, measured: Mapping[str, float]) -> None:
        """The next round of some rows."""
        for name, value in measured.items():
            self.seconds.setdefault(name, []).append(value)


@dataclass(frozen=True, kw_only=True)
class Spread:
    """What a row's numbers come to. The quartiles include the extremes."""

    n: int
    median: float
    q1: float
    q3: float
    least: float


def alternate(
    contestants: Mapping[str, Contestant], rounds: int, say: Say, *, warm_up: bool = True
) -> Rows:
    """Run each once in every round: a b c d, a b c d. A first round warms up, and is forgotten."""
    rows = Rows()
    for number in range(0 if warm_up else 1, rounds + 1):
        for name, run in contestants.items():
            say(f"{f'round {number} of {rounds}' if number else 'warming up'}: {name}")
            measured = run()
            if number:
                rows.add(measured)
    return rows


def spread(values: list[float]) -> Spread:
    """Median and quartiles."""
    if len(values) == 1:
        q1 = q3 = values[0]
    else:
        q1, _, q3 = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(n=len(values), median=statistics.median(values), q1=q1, q3=q3, least=min(values))


def ratio(rows: Rows, row: str, to: str) -> float:
    """The median, over the rounds, of one row's time as a multiple of another's in that round."""
    pairs = zip(rows.seconds[row], rows.seconds[to], strict=True)
    return statistics.median(one / other for one, other in pairs)


def difference(rows: Rows, row: str, to: str) -> float:
    """The median, over the rounds, of how many seconds one row takes more than another."""
    pairs = zip(rows.seconds[row], rows.seconds[to], strict=True)
    return statistics.median(one - other for one, other in pairs)
