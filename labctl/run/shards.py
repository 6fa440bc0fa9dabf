"""Which part of a plan one machine of several runs. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from labctl.errors import UsageError
from labctl.model.plan import Unit

Times = Mapping[tuple[str, str], float]
"""Seconds that an attempt took when it was measured, by scenario and attempt."""

_UNKNOWN_S = 1.0
_HINT = "give it as NUMBER/COUNT, such as 2/5"


def parse_shard(text: str) -> tuple[int, int]:
    """Return number and count of a text such as `2/5`. Raise UsageError for any other text."""
    match = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text)
    number, count = map(int, match.groups()) if match else (0, 0)
    if not 1 <= number <= count:
        raise UsageError(f"there is no shard {text}", hint=_HINT)
    return number, count


def shard(units: Iterable[Unit], times: Times, number: int, count: int) -> set[Unit]:
    """Return the units of one of `count` shards. Together the shards have all units, each once.

    The longest units come first, each goes to the shard that has least to do: so the shards end at
    about the same time. The result depends on the arguments alone, and on nothing that was
    measured in this run. A unit that was never measured counts as the median of those that were.
    """
    from statistics import median  # noqa: PLC0415 it takes long to load, and few runs have shards

    usual = median(times.values()) if times else _UNKNOWN_S
    weighed = [(times.get((unit.scenario, unit.attempt), usual), unit) for unit in set(units)]
    loads = [0.0] * count
    chosen: set[Unit] = set()
    for seconds, unit in sorted(weighed, key=lambda pair: (-pair[0], pair[1])):
        least = loads.index(min(loads))
        loads[least] += seconds
        if least == number - 1:
            chosen.add(unit)
    return chosen
