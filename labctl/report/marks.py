"""Marks as a terminal shows them: a student's own, and a class's."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from labctl.model.grade import Grade, Mark, Part, State
from labctl.text import escape_control, pluralize

_SIGNS = {True: ("✔", "green"), False: ("✘", "bold red")}
_WORDS = {
    State.GRADED: "graded",
    State.REFUSED: "refused",
    State.TAMPERED: "to be looked at",
    State.ERROR: "not graded: the lab broke",
}


def marks(grade: Grade, *, tried: int, most: int | None, hidden: float = 0) -> RenderableType:
    """All parts with their marks: what was expected and seen where it went wrong, and a hint.
    `hidden` is what the parts that are not made here are worth.
    """
    lines = [line for part in grade.parts for line in _part(part)]
    of = f" of {most}" if most else ""
    sum_ = f"{grade.points:g} of {grade.max_points:g} points"
    end = Text(f"{sum_}, try {tried}{of}", style="bold")
    end.append(f"; {hidden:g} more in hidden parts" if hidden else "", style="default")
    message = [Text(escape_control(grade.message), style="yellow"), Text()] if grade.message else []
    return Group(*message, *lines, Text(), end)


def _part(part: Part) -> Iterator[RenderableType]:
    full = all(mark.full for mark in part.marks)
    sign, style = _SIGNS[full]
    worth = f"{part.points:g}/{part.max_points:g}"
    bonus = " (bonus)" if part.bonus else ""
    yield Text(f"{sign} {worth:>7}  {escape_control(part.title)}{bonus}", style=style)
    for mark in part.marks if len(part.marks) > 1 or not full else ():
        yield from _mark(mark)
    for reason in part.reasons:
        yield _indented(Text(escape_control(reason), style="yellow"), 11)


def _mark(mark: Mark) -> Iterator[RenderableType]:
    sign, style = _SIGNS[mark.full]
    if mark.expected:
        said = f"{sign} {escape_control(mark.expected)}"
        yield _indented(Text(said, style="default" if mark.full else style), 11)
    if mark.full:
        return
    seen = (
        escape_control(mark.actual)
        if mark.expected
        else f"your answer: {escape_control(mark.actual)}"
    )
    yield _indented(Text(seen), 13)
    if mark.hint:
        yield _indented(Text(f"hint: {escape_control(mark.hint)}", style="cyan"), 13)


def _indented(text: Text, columns: int) -> RenderableType:
    return Padding(text, (0, 0, 0, columns))


def class_table(grades: Sequence[Grade], out: Path) -> RenderableType:
    """How many ended how, the middle of the marks, those to look at, and where it all is."""
    states = Counter(grade.state for grade in grades)
    counts = ", ".join(f"{states[one]} {_WORDS[one]}" for one in State if states[one])
    lines = [Text(f"{pluralize(len(grades), 'submission')}: {counts}")]
    scores = [grade.points for grade in grades if grade.gradable]
    if scores:
        middle, most = statistics.median(scores), grades[0].max_points
        lines.append(Text(f"median {middle:g} of {most:g} points"))
    for grade in grades:
        if grade.state in (State.TAMPERED, State.REFUSED):
            why = grade.message or next((r for p in grade.parts for r in p.reasons), "")
            lines.append(
                Text(f"{_WORDS[grade.state]}: {escape_control(grade.id)}: {escape_control(why)}")
            )
    return Group(*lines, Text(f"see {out}/index.html", style="dim"))
