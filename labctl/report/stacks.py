"""Stacks: the diff of an expected and an observed one, and the drawing as layers."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.cells import cell_len
from rich.text import Text

from labctl.judge.diff import Mark, Row, align, expected_stack, frame_name, stack_names
from labctl.model.result import AttemptResult, ExceptionInfo, Frame, Observation
from labctl.report.text import STYLES, clip, ended, exception_line, listed, pad, series
from labctl.text import escape_control
from labctl.wire.ladder import draw

_INDENT = 4
_SIDE = 36
_SIGNS: dict[Mark, str] = {"same": " ", "differs": "!", "missing": "-", "extra": "+"}
_ROW_STYLES: dict[Mark, str] = {"same": "", "differs": "red", "missing": "red", "extra": "yellow"}
_RUN_LIMIT = 12
"""Rows that are alike, one after the other, beyond which the middle ones are folded."""
_END_LINES = 6
_DRAWN_LIMIT = 6
_STORIES_LIMIT = 20
"""Results whose packets are drawn; more than these nobody reads in one go."""
_WIDTH = 78


def diff_lines(result: AttemptResult) -> list[Text]:
    """Expected and observed stack side by side; nothing where the stack was as expected."""
    if result.observed is None or not any(d.what == "stack" for d in result.differences):
        return []
    expected = expected_stack(result)
    rows = align(expected, stack_names(result.observed))
    head = Text(f"{'':{_INDENT}}  {pad('expected', _SIDE)}  observed", style="bold")
    return [head, *_folded([line for row in rows for line in _row_lines(row)])]


def _row_lines(row: Row) -> Iterator[Text]:
    left, right = _side(row.expected), _side(row.observed)
    for number in range(max(len(left), len(right))):
        sign = _SIGNS[row.mark] if number == 0 else " "
        one = left[number] if number < len(left) else ""
        other = right[number] if number < len(right) else ""
        line = f"{'':{_INDENT}}{sign} {pad(one, _SIDE)}  {other}".rstrip()
        yield Text(line, style=_ROW_STYLES[row.mark])


def _side(name: str) -> list[str]:
    """A frame on one line where it fits, else the module above the function."""
    text = escape_control(name)
    if cell_len(text) <= _SIDE:
        return [text] if text else []
    module, colon, qualname = text.partition(":")
    return [clip(module + colon, _SIDE), clip(f"  {qualname}", _SIDE)]


def _folded(lines: Sequence[Text]) -> list[Text]:
    """The lines, with the middle of a long run of unmarked ones left out."""
    folded: list[Text] = []
    for _, group in groupby(lines, key=lambda line: line.style):
        run = list(group)
        keep = _RUN_LIMIT // 2
        if len(run) > _RUN_LIMIT:
            gap = Text(f"{'':{_INDENT}}  ({len(run) - 2 * keep} more lines)", style="dim")
            run = [*run[:keep], gap, *run[-keep:]]
        folded += run
    return folded


def drawings(results: Sequence[AttemptResult]) -> list[Text]:
    """Every distinct stack among the results, drawn as layers from the client to its end, and
    below it what was on the wire, unless the results are too many; one's own client first.
    """
    story = _story if len(results) <= _STORIES_LIMIT else _no_story
    alike: dict[tuple[object, ...], list[AttemptResult]] = {}
    for result in sorted(results, key=lambda one: not one.client):
        if result.observed:
            alike.setdefault(_shape(result.observed), []).append(result)
    shown = list(alike.values())[:_DRAWN_LIMIT]
    lines = [line for one in shown for line in [*_drawing(one), *story(one[0]), Text()]]
    if len(alike) > len(shown):
        return [*lines, Text(f"and {len(alike) - len(shown)} more distinct stacks", style="dim")]
    return lines[:-1]


def _shape(observation: Observation) -> tuple[object, ...]:
    exception = observation.exception
    return (
        observation.outcome,
        exception.type if exception else observation.returned,
        *stack_names(observation),
    )


def _drawing(group: Sequence[AttemptResult]) -> Iterator[Text]:
    first = group[0]
    observation = first.observed
    if observation is None:
        return
    yield Text(clip(f"  {_who(group)}", _WIDTH), style="bold")
    for layer, frames in groupby(_gapped(observation), key=lambda frame: frame.layer):
        yield Text(f"  ├─ {escape_control(layer)} ".ljust(40, "─"), style="cyan")
        for line in _frame_lines(list(frames), observation.omitted_frames):
            yield Text(clip(f"  │    {line}", _WIDTH))
    first_line, *more = textwrap.wrap(ended(observation), _WIDTH - 5)[:_END_LINES] or [""]
    yield Text(f"  ╰▶ {first_line}", style=STYLES[first.verdict])
    yield from (Text(f"     {line}", style=STYLES[first.verdict]) for line in more)
    if observation.exception:
        for line in _exception_lines(observation.exception):
            yield Text(clip(f"       {line}", _WIDTH))
    for unhandled in observation.unhandled[:_DRAWN_LIMIT]:
        what = exception_line(unhandled.exception)
        yield Text(clip(f"     unhandled in {escape_control(unhandled.where)}: {what}", _WIDTH))


def _story(result: AttemptResult) -> Iterator[Text]:
    if result.ladder is None:
        return
    yield Text()
    yield from map(Text, draw(result.ladder).splitlines())
    yield Text()
    yield from (Text(line) for line in textwrap.wrap(escape_control(result.because), _WIDTH - 2))


def _no_story(_: AttemptResult) -> Iterator[Text]:
    yield from ()


def _who(group: Sequence[AttemptResult]) -> str:
    """`smtplib, socket on Python 3.9, 3.13`."""
    clients = dict.fromkeys(escape_control(result.client or result.attempt) for result in group)
    pythons = dict.fromkeys(series(result.python) for result in group)
    return f"{listed(clients, most=4)} on Python {listed(pythons)}"


def _gapped(observation: Observation) -> list[Frame]:
    """The frames, with one that stands for those that were too many to report."""
    frames = list(observation.stack)
    if observation.omitted_frames and frames:
        middle = (len(frames) + 1) // 2
        gap = f"({observation.omitted_frames} frames left out)"
        frames.insert(middle, Frame(module="", qualname=gap, layer=frames[middle - 1].layer))
    return frames


def _frame_lines(frames: Sequence[Frame], omitted: int) -> list[str]:
    """The frames of one layer, the middle of many folded; a frame without a module is the gap."""
    names = [escape_control(frame_name(f) if f.module else f.qualname) for f in frames]
    keep = _RUN_LIMIT // 2
    if len(names) <= _RUN_LIMIT:
        return names
    hidden = sum(1 if f.module else omitted for f in frames[keep:-keep])
    return [*names[:keep], f"({hidden} more frames)", *names[-keep:]]


def _exception_lines(exception: ExceptionInfo) -> Iterator[str]:
    """What hangs on an exception: symbols of its numbers, members of a group, what led to it."""
    for name, symbol in exception.symbols.items():
        yield escape_control(f"{name} {exception.attrs.get(name)} is {symbol}")
    for member in (exception.group or ())[:_DRAWN_LIMIT]:
        yield f"in the group: {exception_line(member)}"
    link: ExceptionInfo | None = exception
    for _ in range(_DRAWN_LIMIT):
        if link and link.cause:
            link = link.cause
            yield f"caused by {exception_line(link)}"
        elif link and link.context:
            link = link.context
            yield f"while handling {exception_line(link)}"
