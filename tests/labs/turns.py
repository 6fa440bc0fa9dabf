"""Run labctl with a shard that holds each attempt on one Python only, the Pythons taking turns.

`python -m tests.labs.turns run --all --python all --shard 1/3` makes a third of the attempts that
there are on one Python. All shards together cover every attempt and every Python, in a sixth of the
time of the whole run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from labctl.model.plan import Unit
from labctl.run import shards


def take_turns(units: Iterable[Unit]) -> list[Unit]:
    """Return one unit of each attempt, the first on its first Python, the next on its second."""
    by_attempt: dict[tuple[str, str], list[Unit]] = defaultdict(list)
    for unit in sorted(set(units), key=lambda unit: (unit.scenario, unit.attempt, _order(unit))):
        by_attempt[unit.scenario, unit.attempt].append(unit)
    return [every[number % len(every)] for number, every in enumerate(by_attempt.values())]


def _order(unit: Unit) -> list[int]:
    return [int(part) for part in unit.series.split(".")]


def _shard(
    units: Iterable[Unit], times: shards.Times, number: int, count: int
) -> set[Unit]:  # fmt: skip
    return _whole_shard(take_turns(units), times, number, count)


_whole_shard = shards.shard

if __name__ == "__main__":
    shards.shard = _shard
    # After the change, which it must meet.
    from labctl.__main__ import main

    main()
