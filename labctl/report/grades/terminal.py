"""Grades as a terminal shows them: a student's own, and those of a class."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from labctl.model.grade import Grade, GradeState, Mark, Part
from labctl.report.layout import indented
from labctl.text import escape_control, pluralize

_SIGNS = {True: ("✔", "green"), False: ("✘", "bold red")}
"""Sign and style of what has all of its points, and of what has not."""
_STATE_WORDS = {
    GradeState.GRADED: "graded",
    GradeState.REFUSED: "refused",
    GradeState.TAMPERED: "to be looked at",
    GradeState.INCONCLUSIVE: "not graded: the machine was too busy",
    GradeState.ERROR: "not graded: the lab broke",
}
_MARK_COLUMN = 11
_FACT_COLUMN = 13


def render_grade(
    grade: Grade, *, tries: int, tries_limit: int | None, hidden_points: float = 0
) -> RenderableType:
    """Return all parts of a grade with their marks and, where points are missing, what was
    expected and observed, and a hint.

    `tries` is the number of this try. `hidden_points` are those of the parts that a student's own
    check does not run.
    """
    lines = [line for part in grade.parts for line in _part(part)]
    limit = f" of {tries_limit}" if tries_limit else ""
    points = f"{grade.points:g} of {grade.max_points:g} points"
    end = Text(f"{points}, try {tries}{limit}", style="bold")
    end.append(f"; {hidden_points:g} more in hidden parts" if hidden_points else "", "default")
    message = [Text(escape_control(grade.message), style="yellow"), Text()] if grade.message else []
    return Group(*message, *lines, Text(), end)


def _part(part: Part) -> Iterator[RenderableType]:
    """Yield the lines of a part and its marks."""
    full = all(mark.full for mark in part.marks)
    sign, style = _SIGNS[full]
    points = f"{part.points:g}/{part.max_points:g}"
    bonus = " (bonus)" if part.bonus else ""
    yield Text(f"{sign} {points:>7}  {escape_control(part.title)}{bonus}", style=style)
    for mark in part.marks if len(part.marks) > 1 or not full else ():
        yield from _mark(mark)
    for reason in part.reasons:
        yield indented(escape_control(reason), _MARK_COLUMN, "yellow")


def _mark(mark: Mark) -> Iterator[RenderableType]:
    """Yield the lines of a mark."""
    sign, style = _SIGNS[mark.full]
    actual = escape_control(mark.actual)
    if mark.expected:
        line = f"{sign} {escape_control(mark.expected)}"
        yield indented(line, _MARK_COLUMN, "default" if mark.full else style)
    if mark.full:
        return
    yield indented(actual if mark.expected else f"your answer: {actual}", _FACT_COLUMN)
    if mark.hint:
        yield indented(f"hint: {escape_control(mark.hint)}", _FACT_COLUMN, "cyan")


def render_class(grades: Sequence[Grade], folder: Path) -> RenderableType:
    """Return how many submissions ended in each state, the median of the points, the submissions
    that a person has to look at, and where the page of the class is.
    """
    states = Counter(grade.state for grade in grades)
    counts = ", ".join(f"{states[s]} {_STATE_WORDS[s]}" for s in GradeState if states[s])
    lines = [Text(f"{pluralize(len(grades), 'submission')}: {counts}")]
    scores = [grade.points for grade in grades if grade.gradable]
    if scores:
        middle, maximum = statistics.median(scores), grades[0].max_points
        lines.append(Text(f"median {middle:g} of {maximum:g} points"))
    for grade in grades:
        if grade.state in (GradeState.TAMPERED, GradeState.INCONCLUSIVE, GradeState.REFUSED):
            reason = grade.message or next((r for p in grade.parts for r in p.reasons), "")
            text = f"{escape_control(grade.id)}: {escape_control(reason)}"
            lines.append(Text(f"{_STATE_WORDS[grade.state]}: {text}"))
    return Group(*lines, Text(f"see {folder}/index.html", style="dim"))
