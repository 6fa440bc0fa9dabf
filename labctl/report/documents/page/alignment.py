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

FactMark = Literal["same", "differs", "missing", "extra", "also", "unjudged"]
"""`also` is there beside what was expected, and may be; `unjudged` was not compared."""

_MOST = 200
"""Observed lines that are aligned: it takes their number times that of the expected ones."""


@dataclass(frozen=True)
class AlignedPair:
    """One line of an alignment; a side is empty if it has nothing there."""

    mark: FactMark
    expected: str
    observed: str

    @property
    def sides(self) -> list[str]:
        """The two texts of the pair, without one that is empty."""
        return [side for side in (self.expected, self.observed) if side]


def align_stack(expected: Sequence[str] | None, seen: Observation) -> list[AlignedPair]:
    """Return the rows that compare two stacks; none if no stack was expected, since the page draws
    the stack anyway.
    """
    if expected is None:
        return []
    return [
        AlignedPair(row.mark, row.expected, row.observed)
        for row in align(expected, stack_names(seen))
    ]


def align_wire(expected: Sequence[str] | str | None, seen: Observation) -> list[AlignedPair]:
    """Return the rows that compare flows. Capitals in the names of hosts do not count."""
    lines = [wire_line(flow) for flow in seen.flows or ()]
    if isinstance(expected, str):
        first = lines[0] if lines else ""
        mark: FactMark = "differs" if lines else "same" if seen.flows is not None else "unjudged"
        return [
            AlignedPair(mark, "nothing", first),
            *(AlignedPair("extra", "", one) for one in lines[1:]),
        ]
    if expected is None:
        return [AlignedPair("unjudged", "", line) for line in lines]
    folded = [line.casefold() for line in lines[:_MOST]]
    left, right = iter(expected), iter(lines)
    pairs = []
    for row in align([line.casefold() for line in expected], folded):
        one = next(left) if row.expected else ""
        pairs.append(AlignedPair(row.mark, one, next(right) if row.observed else ""))
    return [*pairs, *(AlignedPair("extra", "", line) for line in right)]


def align_served(expected: Sequence[str] | None, observed: Observation) -> list[AlignedPair]:
    """Return the rows that compare servers' events: each line with the first event after the last
    match, as they are judged.
    """
    if expected is None:
        return [
            AlignedPair("unjudged", "", served_line(one)) for one in _but_look_ups(observed, set())
        ]
    parsed = [parse_served(line) for line in expected]
    waiting = _but_look_ups(observed, {line.service for line in parsed})
    pairs = []
    for line, wanted in zip(expected, parsed, strict=True):
        place = next((n for n, event in enumerate(waiting) if fits(wanted, event)), None)
        if place is None:
            pairs.append(AlignedPair("missing", line, ""))
            continue
        pairs += [AlignedPair("extra", "", served_line(event)) for event in waiting[:place]]
        pairs.append(AlignedPair("same", line, served_line(waiting[place])))
        waiting = waiting[place + 1 :]
    return [*pairs, *(AlignedPair("extra", "", served_line(event)) for event in waiting)]


def _but_look_ups(seen: Observation, named: set[str]) -> list[ServerEvent]:
    """Return the services' events without the resolver's, unless it is named: the wire shows
    look-ups.
    """
    return [one for one in seen.served if one.service != RESOLVER or RESOLVER in named]
