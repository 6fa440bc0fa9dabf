"""Exercises for students: the list, one in full, and the files to begin with."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from labctl.model.exercise import Exercise, points_of
from labctl.report.layout import unwrap_paragraphs
from labctl.text import escape_control, pluralize

_WIDTH = 80
_ANSWERS = "your answers, each a line `NAME: answer`."


def exercises_json(exercises: Sequence[Exercise]) -> list[dict[str, Any]]:
    """Return what another program needs to choose an exercise."""
    return [
        {
            "name": one.name,
            "title": one.spec.title,
            "level": one.spec.level,
            "points": exercise_points(one),
            "files": list(one.files),
        }
        for one in exercises
    ]


def render_exercises(exercises: Sequence[Exercise]) -> RenderableType:
    """Return a table with name, level, points and title of each exercise."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name, justify in (("name", "left"), ("level", "right"), ("points", "right")):
        table.add_column(name, no_wrap=True, justify=justify)  # type: ignore[arg-type]
    table.add_column("title", overflow="fold")
    for one in exercises:
        title = Text(escape_control(one.spec.title))
        table.add_row(one.name, str(one.spec.level), f"{exercise_points(one):g}", title)
    return Group(table, Text(), Text(pluralize(len(exercises), "exercise")))


def exercise_points(exercise: Exercise) -> float:
    """Return the points of all parts, hidden ones included, without a bonus."""
    spec = exercise.spec
    questions = spec.predict.questions.values() if spec.predict else ()
    return points_of(questions, spec.scenarios.values(), exercise.runs)


def exercise_json(exercise: Exercise) -> dict[str, Any]:
    """Return what students may know of an exercise."""
    parts = [
        {"name": part.name, "title": part.title, "points": part.points, "bonus": part.bonus}
        for part in _visible_parts(exercise)
    ]
    return {**exercises_json([exercise])[0], "text": exercise.spec.text, "parts": parts}


def render_exercise(exercise: Exercise) -> RenderableType:
    """Return what students may know of an exercise, in 80 columns."""
    head = Text(escape_control(exercise.name), style="bold")
    head.append(f"  {escape_control(exercise.spec.title)}", style="default")
    lines = [Text(line) for line in unwrap_paragraphs(exercise.spec.text)]
    files = Text(f"hand in: {', '.join(exercise.files)}", style="dim")
    parts = Table.grid(padding=(0, 2, 0, 0))
    parts.add_column(justify="right", min_width=5)
    parts.add_column(overflow="fold")
    for points, title in _points_and_titles(exercise):
        parts.add_row(points, Text(title))
    return Group(head, Text(), *lines, files, Text(), parts)


@dataclass(frozen=True, kw_only=True)
class _VisiblePart:
    name: str
    title: str
    points: float
    bonus: bool


def _visible_parts(exercise: Exercise) -> Iterator[_VisiblePart]:
    """Yield the questions, runs and scenarios that are not hidden from students."""
    spec = exercise.spec
    for name, question in spec.predict.questions.items() if spec.predict else ():
        if not question.hidden:
            yield _VisiblePart(
                name=name, title=question.text, points=question.points, bonus=question.bonus
            )
    for run in exercise.runs:
        if not run.spec.hidden:
            points = sum(check.points for check in run.spec.checks)
            yield _VisiblePart(
                name=run.name, title=run.spec.title, points=points, bonus=run.spec.bonus
            )
    for name, own in spec.scenarios.items():
        yield _VisiblePart(name=name, title=own.file, points=own.points, bonus=own.bonus)


def _points_and_titles(exercise: Exercise) -> Iterator[tuple[str, str]]:
    """Yield the points and the escaped title of each part; all hidden parts are one."""
    visible = 0.0
    for part in _visible_parts(exercise):
        visible += 0 if part.bonus else part.points
        bonus = " (bonus)" if part.bonus else ""
        yield f"{part.points:g}", f"{escape_control(part.title)}{bonus}"
    hidden = round(exercise_points(exercise) - visible, 3)
    if hidden:
        yield f"{hidden:g}", "in hidden parts"


def instructions(exercise: Exercise, argument: str) -> str:
    """Return README.md for a student's folder, as Markdown.

    `argument` is what a command line calls the exercise: its name or its folder.
    """
    spec = exercise.spec
    limits = [f"Programs run on Python {spec.python}, with the standard library only."]
    limits.append(f"Each run may take {spec.limits.time:g} seconds.")
    if spec.limits.tries:
        limits.append(f"You may check {spec.limits.tries} times.")
    rules = "\n".join(limits)
    parts = "\n".join(f"    {points:>5}  {title}" for points, title in _points_and_titles(exercise))
    return (
        f"# {spec.title}\n\n{spec.text.rstrip()}\n\n"
        f"## Files\n\n{_file_items(exercise)}\n\n"
        f"## Points\n\n{parts}\n\n{rules}\n\n"
        f"## Check\n\n    labctl check {argument} .\n\n"
        f"## Hand in\n\n{', '.join(exercise.files)}\n"
    )


def _file_items(exercise: Exercise) -> str:
    """Return a list, as Markdown, of what each file that is handed in must contain."""
    spec = exercise.spec
    files = [(spec.predict.file, _ANSWERS)] if spec.predict else []
    files += [(one.file, one.text) for one in spec.clients.values()]
    files += [(one.file, one.text) for one in spec.scenarios.values()]
    return "\n".join(
        textwrap.fill(f"- {file}: {text}", _WIDTH, subsequent_indent="  ") for file, text in files
    )


def answer_sheet(exercise: Exercise) -> str:
    """Return a YAML file to write answers into: the questions as comments, and their names."""
    questions = exercise.spec.predict.questions if exercise.spec.predict else {}
    lines = ["# Your answers. Where there is no exception, or no number: none.\n"]
    for name, question in questions.items():
        if not question.hidden:
            value = " []" if question.ask == "modules" else ""
            text = textwrap.fill(question.text, _WIDTH, initial_indent="# ", subsequent_indent="# ")
            lines += [f"\n{text}\n", f"{name}:{value}\n"]
    return "".join(lines)
