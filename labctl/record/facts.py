"""From the repeats of one attempt on one Python to what to expect of it there. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from pydantic import TypeAdapter, ValidationError

from labctl.engine.addresses import is_lab_address
from labctl.judge.diff import frame_name
from labctl.judge.served import RESOLVER
from labctl.judge.wire import NOTHING, fewest_lines
from labctl.model.expectation import ANY, StackFrame
from labctl.model.flows import check_wire, line_host
from labctl.model.result import ExceptionInfo, Observation, ServerEvent
from labctl.record.exceptions import (
    Expected,
    expected_exception,
    is_stable,
    stable_message,
)
from labctl.record.notes import Notes, Unrecordable

_FLEETING_KEYS = {"name", "peer", "port", "size"}
"""Of a server's event: what clients call themselves, and what differs with the day."""
_FRAME: TypeAdapter[str] = TypeAdapter(StackFrame)


@dataclass(frozen=True)
class Event:
    """What a service reported: `SERVICE EVENT`, and those of its details that are stable."""

    name: str
    detail: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What was the same in all repeats on one Python.

    What depends on other Pythons is apart: `message` counts if it is the same on all Pythons, and
    so do details of the `served` events.
    """

    series: str
    expected: Expected
    """What to expect, but for the attributes below: `raises` to `stack`, `unhandled`, `wire`."""
    message: str | None = None
    served: tuple[Event, ...] | None = ()
    waited_s: float = 0.0
    """Seconds that a repeat went on for after its last call of the network, at the least."""
    slowest_s: float = 0.0


def facts(series: str, repeats: Sequence[Observation], notes: Notes) -> Facts:
    """Return what holds in every repeat. Adds to `notes` what was left out. Raise Unrecordable if
    the repeats differ in what matters.
    """
    notes.python = series
    outcomes = {one.outcome for one in repeats}
    if len(outcomes) > 1:
        outcomes_text = " and ".join(sorted(outcome.value for outcome in outcomes))
        raise Unrecordable(f"its repeats differ: {outcomes_text}")
    raised = [one.exception for one in repeats if one.exception is not None]
    expected = _raised(repeats, raised, notes) if raised else _returned(repeats, notes)
    expected |= _unhandled(repeats, notes)
    expected |= _wire(repeats, notes)
    return Facts(
        series=series,
        expected=expected,
        message=stable_message(raised) if raised and not _says_enough(expected) else None,
        served=_served(repeats, notes),
        waited_s=min(map(_waited_s, repeats)),
        slowest_s=max(one.elapsed_s for one in repeats),
    )


def _waited_s(observation: Observation) -> float:
    """Return how long a client went on after its last call. What it does before, such as importing,
    takes long on a machine that is busy.
    """
    if not observation.calls or observation.omitted_calls:
        return 0.0
    return observation.elapsed_s - max(call.at_s for call in observation.calls)


def _says_enough(expected: Expected) -> bool:
    """Return whether something other than the message, which others reword, names the exception."""
    links = (expected.get(kind) for kind in ("cause", "context"))
    return "attrs" in expected or "group" in expected or any(isinstance(one, dict) for one in links)


def _raised(
    repeats: Sequence[Observation], raised: Sequence[ExceptionInfo], notes: Notes
) -> Expected:
    """Return the expected exception and stack."""
    return {**expected_exception(raised, notes), "stack": _stack(repeats, notes)}


def _returned(repeats: Sequence[Observation], notes: Notes) -> Expected:
    """Return the expected value; any value if it differs between repeats, or is not stable."""
    values = {"None" if one.returned is None else one.returned for one in repeats}
    value = values.pop()
    if values:
        notes.add("returns", "differs between repeats: any value")
    elif not is_stable(value):
        notes.add("returns", "is too long, or holds an address, a time or an id: any value")
    else:
        return {"returns": value}
    return {"returns": ANY}


def _stack(repeats: Sequence[Observation], notes: Notes) -> list[str]:
    """Return the stack that all repeats share, with `...` where they differ."""
    stacks = [_frames(one) for one in repeats]
    first, *others = stacks
    if all(other == first for other in others):
        return first
    notes.add("stack", "differs between repeats: `...` where it does")
    head = _shared(stacks)
    tail = _shared([stack[len(head) :][::-1] for stack in stacks])[::-1]
    return [*head, ANY, *tail]


def _shared(stacks: Sequence[list[str]]) -> list[str]:
    """Return the frames that all stacks begin with."""
    rows = zip(*stacks, strict=False)
    return [row[0] for row in takewhile(lambda row: len(set(row)) == 1, rows)]


def _frames(observation: Observation) -> list[str]:
    """Return the names of a stack's frames, with `...` for those left out."""
    names = [_writable(frame_name(frame)) for frame in observation.stack]
    if observation.omitted_frames:
        names.insert((len(names) + 1) // 2, ANY)
    return names


def _writable(frame: str) -> str:
    """Return the frame's name, or `...` if a scenario can't have it."""
    try:
        return _FRAME.validate_python(frame)
    except ValidationError:
        return ANY


def _unhandled(repeats: Sequence[Observation], notes: Notes) -> Expected:
    """Return what to expect of threads and tasks that an exception ended. They end in any order,
    but their number and their exceptions must be the same.
    """
    sorted_ = [
        sorted(
            (one.exception for one in observation.unhandled),
            key=lambda e: (e.type, e.message or ""),
        )
        for observation in repeats
    ]
    types = [[one.type for one in members] for members in sorted_]
    if any(each != types[0] for each in types):
        raise Unrecordable("its repeats differ in what ended threads or tasks")
    if not types[0]:
        return {}
    members = zip(*sorted_, strict=True)
    return {
        "unhandled": [
            _without_links(expected_exception(one, notes, f"unhandled[{number}]."))
            for number, one in enumerate(members, 1)
        ]
    }


def _without_links(expected: Expected) -> Expected:
    """Return the expected exception without keys that say `none`."""
    return {key: value for key, value in expected.items() if value != "none"}


def _wire(repeats: Sequence[Observation], notes: Notes) -> Expected:
    """Return the expected flows. If the repeats differ, return nothing, and add a note to
    `notes`.
    """
    lines = [fewest_lines(one.flows or ()) for one in repeats]
    if any(each != lines[0] for each in lines):
        notes.add("wire", "differs between repeats: left out")
        return {}
    if not _all(check_wire, lines[0]):
        notes.add("wire", "has flows that no line can say: left out")
        return {}
    if any(map(is_lab_address, map(line_host, lines[0]))):
        notes.add("wire", "has an address that another lab does not have: left out")
        return {}
    return {"wire": lines[0] or NOTHING}


def _all(check: Callable[[str], str], lines: Sequence[str]) -> bool:
    """Tell whether all lines pass a check."""
    try:
        return all(map(check, lines))
    except ValueError:
        return False


def _served(repeats: Sequence[Observation], notes: Notes) -> tuple[Event, ...] | None:
    """Return the events of the services, without look-ups, which the wire has. None if the repeats
    differ.
    """
    events = [[_event(e) for e in one.served if e.service != RESOLVER] for one in repeats]
    names = [[event.name for event in each] for each in events]
    if any(each != names[0] for each in names):
        notes.add("served", "differs between repeats: left out")
        return None
    return common_events(events)


def common_events(repeats: Sequence[Sequence[Event]]) -> tuple[Event, ...]:
    """Return the events, which are the same in all repeats, with the details that are, too."""
    found = []
    for same in zip(*repeats, strict=True):
        shared = set.intersection(*(set(event.detail.items()) for event in same))
        detail = {key: value for key, value in same[0].detail.items() if (key, value) in shared}
        found.append(Event(same[0].name, detail))
    return tuple(found)


def _event(event: ServerEvent) -> Event:
    """Return a service's event, with the details that are the same in every run."""
    detail = {key: str(value) for key, value in event.detail.items() if key not in _FLEETING_KEYS}
    stable = {key: value for key, value in detail.items() if is_stable(value)}
    return Event(f"{event.service} {event.event}", stable)
