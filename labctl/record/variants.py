"""From what holds on each Python to the fewest variants of `expect`, newest first. Pure."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import replace

from labctl.model.base import format_duration
from labctl.model.served import check_served
from labctl.record.exceptions import Expected
from labctl.record.facts import Event, Facts, common_events

_WAIT_S = 0.5
"""A client that waits longer than this on every Python waits for a timeout of some kind."""
_ROOM = 0.8
"""The part of the shortest wait observed that a client must take."""
_MAX_S = 10.0
_SLACK = 2
"""A client may take this many times what was observed, or `_MAX_S` if that is more."""


def variants(pythons: Sequence[Facts], *, known: Sequence[str]) -> tuple[Expected, ...]:
    """Return the variants that `expect` needs. `pythons` has each Python that was tried, once;
    `known` are all there are, oldest first.

    A Python that was not tried gets the variant of its two neighbours if they have the same one,
    or of its only neighbour; else no variant is for it.
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
    """Return the facts without messages if these differ: they are reworded from Python to
    Python.
    """
    same = len({facts.message for facts in pythons}) == 1
    return [facts if same else replace(facts, message=None) for facts in pythons]


def _with_alike_events(pythons: Sequence[Facts]) -> list[Facts]:
    """Return the facts without details of events that differ between Pythons."""
    return [
        facts
        if facts.served is None
        else replace(facts, served=common_events(_same(facts, pythons)))
        for facts in pythons
    ]


def _same(facts: Facts, pythons: Sequence[Facts]) -> list[tuple[Event, ...]]:
    """Return the events of the Pythons on which services said the same by name."""
    served = [other.served for other in pythons if other.served is not None]
    own = [event.name for event in facts.served or ()]
    return [events for events in served if [event.name for event in events] == own]


def _groups(pythons: Sequence[Facts]) -> list[list[Facts]]:
    """Group the Pythons, which come oldest first, so that neighbours share a variant if they differ
    in nothing but time.
    """
    groups: list[list[Facts]] = []
    for facts in pythons:
        if groups and _is_same(groups[-1][-1], facts):
            groups[-1].append(facts)
        else:
            groups.append([facts])
    return groups


def _is_same(one: Facts, other: Facts) -> bool:
    """Return whether two Pythons differ in nothing but the time that they took."""
    return (one.expected, one.message, one.served) == (other.expected, other.message, other.served)


def _expected(group: Sequence[Facts], elapsed: dict[str, str]) -> Expected:
    """Return all that holds for a group, in the order in which it is written."""
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
    """Return the bounds of time, the same for all: one may be slower because of the machine."""
    waited = min(facts.waited_s for facts in pythons)
    slowest = max(facts.slowest_s for facts in pythons)
    bounds = {"max": format_duration(max(_MAX_S, math.ceil(_SLACK * slowest)))}
    if waited <= _WAIT_S:
        return bounds
    return {"min": format_duration(math.floor(waited * _ROOM * 10) / 10), **bounds}


def _line(event: Event) -> str:
    """Return an event as a line of `served:`, without details that can't stand there."""
    line = event.name
    for key, value in event.detail.items():
        longer = f"{line} {key}={shlex.quote(value)}"
        if _can_be_said(longer):
            line = longer
    return line


def _can_be_said(line: str) -> bool:
    """Tell whether a line is a line of `served`."""
    try:
        return bool(check_served(line))
    except ValueError:
        return False


def _specifier(group: Sequence[Facts], above: str | None, known: Sequence[str]) -> str:
    """Return the specifier of a group's Pythons. `above` is the oldest of the next newer group."""
    newest, oldest = group[0].series, group[-1].series
    after = known.index(newest) + 1
    below = f"<{known[after]}" if above is not None else ""
    since = f">={oldest}" if oldest != known[0] else ""
    if newest == oldest and below and since:
        return f"=={newest}.*"
    return ",".join(filter(None, (since, below)))
