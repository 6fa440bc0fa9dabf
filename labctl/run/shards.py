"""Which part of a run one machine of several makes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from statistics import median

from labctl.errors import UsageError
from labctl.model.plan import Unit

Times = Mapping[tuple[str, str], float]
"""Seconds that an attempt took when it was measured, by scenario and attempt."""

_UNKNOWN_S = 1.0
_HINT = "give it as NUMBER/COUNT, such as 2/5"


def parse_shard(text: str) -> tuple[int, int]:
    """`2/5` -> number and count. UsageError for what is no such thing."""
    found = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text)
    number, count = map(int, found.groups()) if found else (0, 0)
    if not 1 <= number <= count:
        raise UsageError(f"there is no shard {text}", hint=_HINT)
    return number, count


def shard(units: Iterable[Unit], times: Times, number: int, count: int) -> set[Unit]:
    """The units of one of `count` shards, which together are all, each once.

    The longest first, each to the shard that has least to do: so they end at about the same time.
    It depends on nothing but the arguments, and those on nothing that was measured in this run.
    What was never measured counts as the median of what was.
    """
    usual = median(times.values()) if times else _UNKNOWN_S
    weighed = [(times.get((one.scenario, one.attempt), usual), one) for one in set(units)]
    loads = [0.0] * count
    chosen: set[Unit] = set()
    for took, unit in sorted(weighed, key=lambda each: (-each[0], each[1])):
        least = loads.index(min(loads))
        loads[least] += took
        if least == number - 1:
            chosen.add(unit)
    return chosen
