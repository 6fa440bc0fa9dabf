"""What the services said x what they were expected to say -> differences. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from labctl.judge.exceptions import clip
from labctl.model.result import Difference, ServerEvent
from labctl.model.served import ServedLine, parse_served

RESOLVER = "dns"
"""Its events are look-ups, which the wire shows: they count only where `served:` names them."""
_MOST = 20
"""Differences that are told one by one: a client may say any number of things to a server."""


def judge_served(expected: Sequence[str], events: Sequence[ServerEvent]) -> list[Difference]:
    """Return how the servers' events differ from the lines expected: every line must be there, in
    order, and every event must be expected.

    Of an event's details, those that the line names must be equal, as text.
    """
    found = list(_differences(expected, events))
    return found if len(found) <= _MOST else [*found[:_MOST], _more(len(found) - _MOST)]


def _differences(expected: Sequence[str], events: Sequence[ServerEvent]) -> Iterator[Difference]:
    """Yield the differences between the expected lines of `served` and the services' events, in
    order.
    """
    lines = [(line, parse_served(line)) for line in expected]
    named = {parsed.service for _, parsed in lines}
    waiting = [event for event in events if event.service != RESOLVER or RESOLVER in named]
    for line, parsed in lines:
        place = next((n for n, event in enumerate(waiting) if fits(parsed, event)), None)
        if place is None:
            yield _missing(line, parsed, waiting)
            continue
        yield from map(_unexpected, waiting[:place])
        del waiting[: place + 1]
    yield from map(_unexpected, waiting)


def served_line(event: ServerEvent) -> str:
    """Return an event as `served:` would write it."""
    pairs = (f"{key}={shlex.quote(str(value))}" for key, value in event.detail.items())
    return " ".join((event.service, event.event, *pairs))


def fits(line: ServedLine, event: ServerEvent) -> bool:
    """Tell whether an event is what a line of `served` says."""
    return (line.service, line.event) == (event.service, event.event) and all(
        key in event.detail and str(event.detail[key]) == value
        for key, value in line.detail.items()
    )


def _missing(line: str, parsed: ServedLine, waiting: Sequence[ServerEvent]) -> Difference:
    """Return the difference for an expected event that did not come."""
    similar = [e for e in waiting if (e.service, e.event) == (parsed.service, parsed.event)]
    actual = served_line(similar[0]) if similar else ""
    tail = f"; it said {clip(actual)}" if similar else ""
    return Difference(
        what="served",
        expected=line,
        actual=actual,
        message=f"service {parsed.service} did not say {line.partition(' ')[2]}{tail}",
    )


def _unexpected(event: ServerEvent) -> Difference:
    """Return the difference for an event that was not expected."""
    line = served_line(event)
    return Difference(
        what="served",
        expected="",
        actual=line,
        message=f"service {event.service} said something that was not expected: {clip(line)}",
    )


def _more(number: int) -> Difference:
    """Return the difference that stands for those left out."""
    return Difference(
        what="served",
        expected="",
        actual=f"{number} more",
        message=f"and {number} more differences in what the services said",
    )
