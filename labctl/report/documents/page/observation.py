"""What became of an attempt: its stack by layers, its exceptions, its packets on a line of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from labctl.judge.diff import frame_name
from labctl.model.result import (
    AttemptResult,
    ExceptionInfo,
    Frame,
    Ladder,
    LadderRow,
    Observation,
    Outcome,
)
from labctl.report.documents.page.string_table import StringTable, milliseconds
from labctl.report.html import Json
from labctl.report.wording import ending_line, exception_line

_FRAMES = 40
_CHAIN = 12
_MEMBERS = 6
_BASES = 8
_MOMENTS = 80
_SYSTEM = "socket."
CALL, SENT, RECEIVED = range(3)
"""Where a moment is drawn."""


def stack_layers(observed: Observation, pool: StringTable) -> list[Json]:
    """Return `[layer, [frame, ...]]` from the client down, as indices of texts in `pool`, to which
    new texts are added. In a very long stack, the frames in the middle are one.
    """
    names = [(one.layer or "other", _name(one)) for one in observed.stack]
    if observed.omitted_frames and names:
        middle = (len(names) + 1) // 2
        gap = f"({observed.omitted_frames} frames left out)"
        names.insert(middle, (names[middle - 1][0], gap))
    if len(names) > _FRAMES:
        half = _FRAMES // 2
        gap = f"({len(names) - 2 * half} more frames)"
        names = [*names[:half], (names[half - 1][0], gap), *names[-half:]]
    return [
        [pool.text(layer), [pool.text(name) for _, name in group]]
        for layer, group in groupby(names, key=lambda pair: pair[0])
    ]


def _name(frame: Frame) -> str:
    """Return a frame's name, with a note if the client forged it."""
    forged = "" if frame.genuine is not False else "  (not the library's own code)"
    return frame_name(frame) + forged


def exception_chain(observed: Observation, pool: StringTable) -> list[Json]:
    """Return `[link to the one before, type and message, [fact, ...]]` for each exception, the
    outermost first.
    """
    lines = list(_chain(observed))
    shown: list[Json] = [
        [pool.text(how), pool.text(said), [pool.text(fact) for fact in facts]]
        for how, said, facts in lines[:_CHAIN]
    ]
    if len(lines) > _CHAIN:
        shown.append([pool.text(""), pool.text(f"and {len(lines) - _CHAIN} more exceptions"), []])
    return shown


def _chain(seen: Observation) -> Iterator[tuple[str, str, list[str]]]:
    """Yield the client's exception, those that it is linked to, and those of threads and tasks: how
    each came about, its line and its facts.
    """
    if seen.outcome is Outcome.RAISED and seen.exception:
        yield from _exceptions(seen.exception, "")
    else:
        yield "", ending_line(seen), []
    for one in seen.unhandled:
        yield from _exceptions(one.exception, f"unhandled in {one.where}")


def _exceptions(
    exception: ExceptionInfo, how: str, depth: int = 0
) -> Iterator[tuple[str, str, list[str]]]:
    """Yield an exception and those that it is linked to."""
    yield how, exception_line(exception), list(_facts(exception))
    if depth == _CHAIN:
        return
    for member in (exception.group or ())[:_MEMBERS]:
        yield from _exceptions(member, "in the group", depth + 1)
    link = exception.cause or exception.context
    if link:
        how = "caused by" if exception.cause else "while handling"
        yield from _exceptions(link, how, depth + 1)


def _facts(exception: ExceptionInfo) -> Iterator[str]:
    """Yield lines about an exception: attributes, bases and origin."""
    for name, value in list(exception.attrs.items())[:_BASES]:
        symbol = exception.symbols.get(name)
        yield f"{name} = {value!r}" + (f", {symbol}" if symbol else "")
    bases = [base for base in exception.bases[1:] if base not in ("BaseException", "object")]
    if bases:
        yield f"bases: {', '.join(bases[:_BASES])}"
    if exception.named:
        yield f"the client made this class, and called it {exception.named}"
    if exception.origin and exception.origin.client:
        line = f" in line {exception.origin.line}" if exception.origin.line else ""
        yield f"raised by the client's own code{line}"


def ladder_json(drawn: Ladder, most: int, pool: StringTable) -> dict[str, Json]:
    """Return the ladder: `hosts`, `rows` of `[source, target, text, mark, both]`, and `notes`.
    `ladder_times` has the times.
    """
    return {
        "hosts": [pool.text(host) for host in drawn.hosts],
        "rows": [_row(row, pool) for row in drawn.rows[:most]],
        "notes": [pool.text(note) for note in drawn.notes]
        + ([pool.text(f"{len(drawn.rows) - most} more lines")] if len(drawn.rows) > most else []),
    }


def ladder_times(drawn: Ladder, most: int) -> list[Json]:
    """Return when each row of a ladder took place, in milliseconds, or null."""
    return [milliseconds(row.at_s) for row in drawn.rows[:most]]


def _row(row: LadderRow, pool: StringTable) -> list[Json]:
    """Return a row of the ladder as JSON."""
    return [row.source, row.target, pool.text(row.text), pool.text(row.mark), int(row.both)]


def timeline_moments(attempt: AttemptResult, pool: StringTable) -> list[Json]:
    """Return `[lane, milliseconds, text]` of the calls and packets of an attempt without a
    ladder.
    """
    seen = attempt.observed
    if seen is None or attempt.ladder:
        return []
    found = sorted([*_calls(seen), *_packets(seen)], key=lambda one: one[1])
    return [[lane, milliseconds(at), pool.text(text)] for lane, at, text in found[:_MOMENTS]]


_Moment = tuple[int, float, str]


def _calls(seen: Observation) -> Iterator[_Moment]:
    """Yield the client's calls of the system, as moments of the timeline."""
    for one in seen.calls:
        if one.event.startswith(_SYSTEM):
            yield CALL, one.at_s, _call(one.event, one.args)


def _packets(seen: Observation) -> Iterator[_Moment]:
    """Yield the packets of flows, as moments of the timeline. Packets that kernels send to find
    their neighbours are left out.
    """
    details = [flow.detail for flow in seen.flows or () if flow.detail]
    own = {one.source for one in details if not one.incoming}
    for one in seen.packets:
        if one.flow is not None:
            yield SENT if one.source in own else RECEIVED, one.at_s, f"{one.protocol} {one.info}"


def _call(event: str, args: Sequence[object]) -> str:
    """Return a call as text."""
    return f"{event.removeprefix(_SYSTEM)}({', '.join(map(repr, args))})"
