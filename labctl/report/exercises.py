"""Exercises as people read them: the list, one in full, and the instructions for students."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from labctl.model.exercise import Exercise, points_of
from labctl.report.text import flowing
from labctl.text import escape_control, pluralize

_POINTS = "{:g}"
_WIDTH = 80
_ANSWERS = "your answers, each a line `NAME: answer`."


def list_json(exercises: Sequence[Exercise]) -> list[dict[str, Any]]:
    """What other programs need to choose."""
    return [
        {
            "name": one.name,
            "title": one.spec.title,
            "level": one.spec.level,
            "points": points(one),
            "files": list(one.files),
        }
        for one in exercises
    ]


def list_table(exercises: Sequence[Exercise]) -> RenderableType:
    """Name, level, points and title."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name, justify in (("name", "left"), ("level", "right"), ("points", "right")):
        table.add_column(name, no_wrap=True, justify=justify)  # type: ignore[arg-type]
    table.add_column("title", overflow="fold")
    for one in exercises:
        worth = _POINTS.format(points(one))
        table.add_row(one.name, str(one.spec.level), worth, Text(escape_control(one.spec.title)))
    return Group(table, Text(), Text(pluralize(len(exercises), "exercise")))


def points(exercise: Exercise) -> float:
    """What can be had without a bonus, hidden runs included."""
    spec = exercise.spec
    questions = spec.predict.questions.values() if spec.predict else ()
    return points_of(questions, spec.scenarios.values(), exercise.runs)


def show_json(exercise: Exercise) -> dict[str, Any]:
    """What students may know."""
    parts = [{"name": name, "title": title, "points": worth, "bonus": bonus}
             for name, title, worth, bonus in _parts(exercise)]  # fmt: skip
    return {**list_json([exercise])[0], "text": exercise.spec.text, "parts": parts}


def show(exercise: Exercise) -> RenderableType:
    """What students may know, in 80 columns."""
    head = Text(escape_control(exercise.name), style="bold")
    head.append(f"  {escape_control(exercise.spec.title)}", style="default")
    lines = [Text(line) for line in flowing(exercise.spec.text)]
    files = Text(f"hand in: {', '.join(exercise.files)}", style="dim")
    parts = Table.grid(padding=(0, 2, 0, 0))
    parts.add_column(justify="right", min_width=5)
    parts.add_column(overflow="fold")
    for worth, title in _worths(exercise):
        parts.add_row(worth, Text(escape_control(title)))
    return Group(head, Text(), *lines, files, Text(), parts)


def _parts(exercise: Exercise) -> Iterator[tuple[str, str, float, bool]]:
    spec = exercise.spec
    for name, question in spec.predict.questions.items() if spec.predict else ():
        if not question.hidden:
            yield name, question.text, question.points, question.bonus
    for run in exercise.runs:
        if not run.spec.hidden:
            worth = sum(check.points for check in run.spec.checks)
            yield run.name, run.spec.title, worth, run.spec.bonus
    for name, own in spec.scenarios.items():
        yield name, own.file, own.points, own.bonus


def _worths(exercise: Exercise) -> Iterator[tuple[str, str]]:
    """What there is, as points and words; all that is hidden in one."""
    shown = 0.0
    for _, title, worth, bonus in _parts(exercise):
        shown += 0 if bonus else worth
        yield _POINTS.format(worth), f"{title}{' (bonus)' if bonus else ''}"
    rest = round(points(exercise) - shown, 3)
    if rest:
        yield _POINTS.format(rest), "in hidden parts"


def instructions(exercise: Exercise, known: str) -> str:
    """README.md of a student's folder; `known` is what a command line calls the exercise."""
    spec = exercise.spec
    limits = [f"Programs run on Python {spec.python}, with the standard library only."]
    limits.append(f"Each run may take {spec.limits.time:g} seconds.")
    if spec.limits.tries:
        limits.append(f"You may check {spec.limits.tries} times.")
    listed = "\n".join(limits)
    parts = "\n".join(
        f"    {worth:>5}  {escape_control(title)}" for worth, title in _worths(exercise)
    )
    return (
        f"# {spec.title}\n\n{spec.text.rstrip()}\n\n"
        f"## Files\n\n{_files(exercise)}\n\n"
        f"## Points\n\n{parts}\n\n{listed}\n\n"
        f"## Check\n\n    labctl check {known} .\n\n"
        f"## Hand in\n\n{', '.join(exercise.files)}\n"
    )


def _files(exercise: Exercise) -> str:
    """What is to be in each file that is handed in."""
    spec = exercise.spec
    said = [(spec.predict.file, _ANSWERS)] if spec.predict else []
    said += [(one.file, one.text) for one in spec.clients.values()]
    said += [(one.file, one.text) for one in spec.scenarios.values()]
    return "\n".join(
        textwrap.fill(f"- {file}: {text}", _WIDTH, subsequent_indent="  ") for file, text in said
    )


def answer_sheet(exercise: Exercise) -> str:
    """A file to write answers into: the questions, and the names of their answers."""
    questions = exercise.spec.predict.questions if exercise.spec.predict else {}
    lines = ["# Your answers. Where there is no exception, or no number: none.\n"]
    for name, one in questions.items():
        if not one.hidden:
            value = " []" if one.ask == "modules" else ""
            text = textwrap.fill(one.text, _WIDTH, initial_indent="# ", subsequent_indent="# ")
            lines += [f"\n{text}\n", f"{name}:{value}\n"]
    return "".join(lines)
