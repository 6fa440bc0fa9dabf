"""What holds on each Python -> the fewest variants of `expect`, newest Pythons first. Pure."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import replace

from labctl.model.base import format_duration
from labctl.model.served import check_served
from labctl.record.exceptions import Expected
from labctl.record.facts import Event, Facts, agreed

_WAIT_S = 0.5
"""Who waits longer than this on every Python, waits for a timeout of some kind."""
_ROOM = 0.8
"""The part of the shortest wait seen that a client must take."""
_MAX_S = 10.0
_SLACK = 2
"""How many times as long as was seen a client may take, where that is more than `_MAX_S`."""


def variants(pythons: Sequence[Facts], *, known: Sequence[str]) -> tuple[Expected, ...]:
    """The variants that `expect` needs. `pythons` has each Python that was tried, once; `known`
    are all there are, oldest first. Pythons that were not tried are taken to be like those that
    are alike on both sides of them, or on the only one; else no variant is for them.
    """
    newest_first = sorted(pythons, key=lambda facts: known.index(facts.series), reverse=True)
    alike = _with_alike_events(_with_shared_message(newest_first))
    groups = _groups(alike)
    elapsed = _elapsed(pythons)
    if len(groups) == 1:
        return (_expected(groups[0], elapsed),)
    newer = [None, *(group[-1].series for group in groups)]
    return tuple(
        {"python": _specifier(group, above, known), **_expected(group, elapsed)}
        for group, above in zip(groups, newer, strict=False)
    )


def _with_shared_message(pythons: Sequence[Facts]) -> list[Facts]:
    """Messages are reworded from Python to Python: only one that isn't counts."""
    same = len({facts.message for facts in pythons}) == 1
    return [facts if same else replace(facts, message=None) for facts in pythons]


def _with_alike_events(pythons: Sequence[Facts]) -> list[Facts]:
    """Pythons on which services said the same, with the details that are so on all of these."""
    return [
        facts if facts.served is None else replace(facts, served=agreed(_same(facts, pythons)))
        for facts in pythons
    ]


def _same(facts: Facts, pythons: Sequence[Facts]) -> list[tuple[Event, ...]]:
    told = [other.served for other in pythons if other.served is not None]
    own = [event.said for event in facts.served or ()]
    return [events for events in told if [event.said for event in events] == own]


def _groups(pythons: Sequence[Facts]) -> list[list[Facts]]:
    """Neighbours of which the same can be expected."""
    groups: list[list[Facts]] = []
    for facts in pythons:
        if groups and _same_said(groups[-1][-1], facts):
            groups[-1].append(facts)
        else:
            groups.append([facts])
    return groups


def _same_said(one: Facts, other: Facts) -> bool:
    """Whether they differ in nothing but the time that they took."""
    return (one.expected, one.message, one.served) == (other.expected, other.message, other.served)


def _expected(group: Sequence[Facts], elapsed: dict[str, str]) -> Expected:
    """All that holds for a group, in the order in which it is written."""
    first = group[0]
    found = {**first.expected, "elapsed": elapsed}
    if first.message is not None:
        found["message"] = first.message
    if first.served is not None:
        found["served"] = [_line(event) for event in first.served]
    return {key: found[key] for key in _ORDER if key in found}


_ORDER = (
    "raises", "isa", "returns", "message", "attrs", "cause", "context", "group", "stack",
    "unhandled", "elapsed", "wire", "served",
)  # fmt: skip


def _elapsed(pythons: Sequence[Facts]) -> dict[str, str]:
    """Bounds that are the same for all: that one took longer may be the machine's doing."""
    waited = min(facts.waited_s for facts in pythons)
    slowest = max(facts.slowest_s for facts in pythons)
    bounds = {"max": format_duration(max(_MAX_S, math.ceil(_SLACK * slowest)))}
    if waited <= _WAIT_S:
        return bounds
    return {"min": format_duration(math.floor(waited * _ROOM * 10) / 10), **bounds}


def _line(event: Event) -> str:
    """The event as `served:` has it; details that it can't have are left out."""
    line = event.said
    for key, value in event.detail.items():
        longer = f"{line} {key}={shlex.quote(value)}"
        if _can_be_said(longer):
            line = longer
    return line


def _can_be_said(line: str) -> bool:
    try:
        return bool(check_served(line))
    except ValueError:
        return False


def _specifier(group: Sequence[Facts], above: str | None, known: Sequence[str]) -> str:
    """The Pythons of a group; `above` is the oldest of the group before it, which is newer."""
    newest, oldest = group[0].series, group[-1].series
    after = known.index(newest) + 1
    below = f"<{known[after]}" if above is not None else ""
    since = f">={oldest}" if oldest != known[0] else ""
    if newest == oldest and below and since:
        return f"=={newest}.*"
    return ",".join(filter(None, (since, below)))
