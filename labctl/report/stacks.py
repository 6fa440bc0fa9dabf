"""Stacks on a terminal: the diff of an expected and an observed one, and the drawing of layers."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.cells import cell_len
from rich.text import Text

from labctl.judge.diff import Mark, Row, align, expected_stack, frame_name, stack_names
from labctl.model.result import AttemptResult, ExceptionInfo, Frame, Observation
from labctl.report.layout import clip_columns, pad_columns
from labctl.report.wording import VERDICT_STYLES, ending_line, exception_line, python_list
from labctl.text import comma_list, escape_control
from labctl.wire.ladder import draw

_INDENT = 4
_SIDE_WIDTH = 36
_SIGNS: dict[Mark, str] = {"same": " ", "differs": "!", "missing": "-", "extra": "+"}
_ROW_STYLES: dict[Mark, str] = {"same": "", "differs": "red", "missing": "red", "extra": "yellow"}
_LINES_LIMIT = 12
"""Lines or frames of one kind in a row beyond which the middle ones are left out."""
_ENDING_LINES_LIMIT = 6
_DRAWINGS_LIMIT = 6
_LADDERS_LIMIT = 20
"""Results beyond which no packets are drawn: nobody reads so many in one go."""
_WIDTH = 78


def stack_diff_lines(result: AttemptResult) -> list[Text]:
    """Return the expected and the observed stack side by side; [] if the stack was as expected."""
    if result.observed is None or not any(d.what == "stack" for d in result.differences):
        return []
    rows = align(expected_stack(result), stack_names(result.observed))
    head = f"{'':{_INDENT}}  {pad_columns('expected', _SIDE_WIDTH)}  observed"
    lines = [line for row in rows for line in _row_lines(row)]
    return [Text(head, style="bold"), *_without_middles(lines)]


def _row_lines(row: Row) -> Iterator[Text]:
    """Yield the lines of a row, expected and observed side by side."""
    left, right = _side(row.expected), _side(row.observed)
    for number in range(max(len(left), len(right))):
        sign = _SIGNS[row.mark] if number == 0 else " "
        expected = left[number] if number < len(left) else ""
        observed = right[number] if number < len(right) else ""
        line = f"{'':{_INDENT}}{sign} {pad_columns(expected, _SIDE_WIDTH)}  {observed}".rstrip()
        yield Text(line, style=_ROW_STYLES[row.mark])


def _side(name: str) -> list[str]:
    """Return a frame as one line if it fits, or else the module above the function."""
    text = escape_control(name)
    if cell_len(text) <= _SIDE_WIDTH:
        return [text] if text else []
    module, colon, qualname = text.partition(":")
    return [
        clip_columns(module + colon, _SIDE_WIDTH),
        clip_columns(f"  {qualname}", _SIDE_WIDTH),
    ]


def _without_middles(lines: Sequence[Text]) -> list[Text]:
    """Return the lines; of many of the same style in a row, only the first and the last ones."""
    shown: list[Text] = []
    for _, group in groupby(lines, key=lambda line: line.style):
        run = list(group)
        keep = _LINES_LIMIT // 2
        if len(run) > _LINES_LIMIT:
            gap = Text(f"{'':{_INDENT}}  ({len(run) - 2 * keep} more lines)", style="dim")
            run = [*run[:keep], gap, *run[-keep:]]
        shown += run
    return shown


def draw_stacks(results: Sequence[AttemptResult]) -> list[Text]:
    """Return a drawing of each distinct stack, as layers from the client down to how it ended.

    Below a stack are the packets of its first result, unless the results are too many. Clients
    that were given with --client come first.
    """
    groups: dict[tuple[object, ...], list[AttemptResult]] = {}
    for result in sorted(results, key=lambda one: not one.client):
        if result.observed:
            groups.setdefault(_signature(result.observed), []).append(result)
    shown = list(groups.values())[:_DRAWINGS_LIMIT]
    with_ladders = len(results) <= _LADDERS_LIMIT
    lines: list[Text] = []
    for group in shown:
        lines += [*_drawing(group), *(_ladder(group[0]) if with_ladders else ()), Text()]
    if len(groups) > len(shown):
        more = len(groups) - len(shown)
        return [*lines, Text(f"and {more} more distinct stacks", style="dim")]
    return lines[:-1]


def _signature(observation: Observation) -> tuple[object, ...]:
    """Return what two observations must share to be drawn as one."""
    exception = observation.exception
    return (
        observation.outcome,
        exception.type if exception else observation.returned,
        *stack_names(observation),
    )


def _drawing(group: Sequence[AttemptResult]) -> Iterator[Text]:
    """Yield the drawing of a stack by layers, for attempts that share it."""
    first = group[0]
    observation = first.observed
    if observation is None:
        return
    yield Text(clip_columns(f"  {_clients_and_pythons(group)}", _WIDTH), style="bold")
    for layer, frames in groupby(_with_gap(observation), key=lambda frame: frame.layer):
        yield Text(f"  ├─ {escape_control(layer)} ".ljust(40, "─"), style="cyan")
        for line in _frame_lines(list(frames), observation.omitted_frames):
            yield Text(clip_columns(f"  │    {line}", _WIDTH))
    wrapped = textwrap.wrap(ending_line(observation), _WIDTH - 5)
    first_line, *more = wrapped[:_ENDING_LINES_LIMIT] or [""]
    style = VERDICT_STYLES[first.verdict]
    yield Text(f"  ╰▶ {first_line}", style=style)
    yield from (Text(f"     {line}", style=style) for line in more)
    yield from (Text(clip_columns(line, _WIDTH)) for line in _detail_lines(observation))


def _detail_lines(observation: Observation) -> Iterator[str]:
    """Yield what hangs on the exception, then the exceptions that ended threads and tasks."""
    if observation.exception:
        yield from (f"       {line}" for line in _exception_details(observation.exception))
    for unhandled in observation.unhandled[:_DRAWINGS_LIMIT]:
        where = escape_control(unhandled.where)
        yield f"     unhandled in {where}: {exception_line(unhandled.exception)}"


def _ladder(result: AttemptResult) -> Iterator[Text]:
    """Yield the lines of an attempt's ladder and its explanation."""
    if result.ladder is None:
        return
    yield Text()
    yield from map(Text, draw(result.ladder).splitlines())
    yield Text()
    yield from map(Text, textwrap.wrap(escape_control(result.because), _WIDTH - 2))


def _clients_and_pythons(group: Sequence[AttemptResult]) -> str:
    """Return `smtplib, socket on Python 3.9, 3.13`."""
    clients = dict.fromkeys(escape_control(result.client or result.attempt) for result in group)
    return f"{comma_list(clients, limit=4)} on Python {comma_list(python_list(group))}"


def _with_gap(observation: Observation) -> list[Frame]:
    """Return the frames; if the probe omitted some, with one that stands for them."""
    frames = list(observation.stack)
    if observation.omitted_frames and frames:
        middle = (len(frames) + 1) // 2
        gap = f"({observation.omitted_frames} frames left out)"
        frames.insert(middle, Frame(module="", qualname=gap, layer=frames[middle - 1].layer))
    return frames


def _frame_lines(frames: Sequence[Frame], omitted: int) -> list[str]:
    """Return the frames of one layer, without the middle ones of many.

    A frame without a module is the one that stands for `omitted` others.
    """
    names = [escape_control(frame_name(f) if f.module else f.qualname) for f in frames]
    keep = _LINES_LIMIT // 2
    if len(names) <= _LINES_LIMIT:
        return names
    hidden = sum(1 if f.module else omitted for f in frames[keep:-keep])
    return [*names[:keep], f"({hidden} more frames)", *names[-keep:]]


def _exception_details(exception: ExceptionInfo) -> Iterator[str]:
    """Yield the symbols of an exception's numbers, the members of a group, and what led to it."""
    for name, symbol in exception.symbols.items():
        yield escape_control(f"{name} {exception.attrs.get(name)} is {symbol}")
    for member in (exception.group or ())[:_DRAWINGS_LIMIT]:
        yield f"in the group: {exception_line(member)}"
    link: ExceptionInfo | None = exception
    for _ in range(_DRAWINGS_LIMIT):
        if link and link.cause:
            link = link.cause
            yield f"caused by {exception_line(link)}"
        elif link and link.context:
            link = link.context
            yield f"while handling {exception_line(link)}"
