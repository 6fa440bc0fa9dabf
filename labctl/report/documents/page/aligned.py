"""Stack, wire and servers' events: what was expected and what was observed, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from labctl.judge.diff import align, stack_names
from labctl.judge.served import RESOLVER, fits, served_line
from labctl.model.flows import wire_line
from labctl.model.result import Observation, ServerEvent
from labctl.model.served import parse_served

Mark = Literal["same", "differs", "missing", "extra", "also", "unjudged"]
"""`also` is there beside what was expected, and may be; `unjudged` was not compared."""

_MOST = 200
"""Observed lines that are aligned: it takes their number times that of the expected ones."""


@dataclass(frozen=True)
class Pair:
    """One line of an alignment; a side is empty where it has nothing there."""

    mark: Mark
    expected: str
    observed: str

    @property
    def sides(self) -> list[str]:
        """What there is of both."""
        return [side for side in (self.expected, self.observed) if side]


def stack_pairs(expected: Sequence[str] | None, seen: Observation) -> list[Pair]:
    """The frames; none where none were expected, since the stack is drawn anyway."""
    if expected is None:
        return []
    return [
        Pair(row.mark, row.expected, row.observed) for row in align(expected, stack_names(seen))
    ]


def wire_pairs(expected: Sequence[str] | str | None, seen: Observation) -> list[Pair]:
    """The flows. Capitals in the names of hosts mean nothing, and so nowhere here."""
    lines = [wire_line(flow) for flow in seen.flows or ()]
    if isinstance(expected, str):
        first = lines[0] if lines else ""
        mark: Mark = "differs" if lines else "same" if seen.flows is not None else "unjudged"
        return [Pair(mark, "nothing", first), *(Pair("extra", "", one) for one in lines[1:])]
    if expected is None:
        return [Pair("unjudged", "", line) for line in lines]
    folded = [line.casefold() for line in lines[:_MOST]]
    left, right = iter(expected), iter(lines)
    pairs = []
    for row in align([line.casefold() for line in expected], folded):
        one = next(left) if row.expected else ""
        pairs.append(Pair(row.mark, one, next(right) if row.observed else ""))
    return [*pairs, *(Pair("extra", "", line) for line in right)]


def served_pairs(expected: Sequence[str] | None, seen: Observation) -> list[Pair]:
    """The events: each line with the first after the last one that fits it, as they are judged."""
    if expected is None:
        return [Pair("unjudged", "", served_line(one)) for one in _but_look_ups(seen, set())]
    parsed = [parse_served(line) for line in expected]
    waiting = _but_look_ups(seen, {line.service for line in parsed})
    pairs = []
    for line, wanted in zip(expected, parsed, strict=True):
        place = next((n for n, event in enumerate(waiting) if fits(wanted, event)), None)
        if place is None:
            pairs.append(Pair("missing", line, ""))
            continue
        pairs += [Pair("extra", "", served_line(event)) for event in waiting[:place]]
        pairs.append(Pair("same", line, served_line(waiting[place])))
        waiting = waiting[place + 1 :]
    return [*pairs, *(Pair("extra", "", served_line(event)) for event in waiting)]


def _but_look_ups(seen: Observation, named: set[str]) -> list[ServerEvent]:
    """The wire shows look-ups; the resolver's events count only where it is named."""
    return [one for one in seen.served if one.service != RESOLVER or RESOLVER in named]
