"""`labctl exercise list|show|start|validate`: exercises, without grading anything."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from labctl.cli import options
from labctl.cli.verbs import verb_app
from labctl.errors import ManyInputErrors

app = verb_app(
    no_args_is_help=True,
    help="List exercises, show one, start one, and check that their files are right.",
    epilog="Begin with: labctl exercise list",
)


@app.command("list", epilog="Example: labctl exercise list")
def list_(
    exercises: options.Exercises = [],  # noqa: B006 typer copies it
    as_json: options.Json = False,
) -> None:
    """List the exercises, the easiest first.

    A file with mistakes is reported, and the others are listed all the same.
    """
    from labctl.grading.exercises import exercises as known
    from labctl.report.console import make_console
    from labctl.report.exercises import exercises_json, render_exercises

    found, errors = known(exercises).sorted_out()
    found.sort(key=lambda one: one.spec.level)
    if as_json:
        typer.echo(json.dumps(exercises_json(found), indent=2))
    else:
        make_console().print(render_exercises(found))
    if errors:
        raise ManyInputErrors(tuple(errors))


@app.command(epilog="Example: labctl exercise show tell-them-apart")
def show(
    name: options.Exercise,
    exercises: options.Exercises = [],  # noqa: B006
    as_json: options.Json = False,
) -> None:
    """Show what an exercise asks for, and what it is worth. Hidden runs are not shown."""
    from labctl.grading.exercises import exercises as known
    from labctl.report import exercises as report
    from labctl.report.console import make_console

    exercise = known(exercises).load(name)
    if as_json:
        typer.echo(json.dumps(report.exercise_json(exercise), indent=2))
    else:
        make_console().print(report.render_exercise(exercise))


@app.command(epilog="Example: labctl exercise start tell-them-apart")
def start(
    name: options.Exercise,
    directory: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]", help="The folder to make; without it, one with the exercise's name."
        ),
    ] = None,
    exercises: options.Exercises = [],  # noqa: B006
) -> None:
    """Make a folder to work in: instructions, and files to begin with."""
    from labctl.grading.exercises import exercises as known
    from labctl.grading.start import README, start_exercise

    started = start_exercise(known(exercises).load(name), directory)
    typer.echo(f"wrote {started.path}: read {README} in it")
    typer.echo(f"then: {shlex.join(['labctl', 'check', started.exercise, str(started.path)])}")


@app.command(epilog="Example: labctl exercise validate ./my-exercise")
def validate(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="[NAME|DIR]...",
            help="Exercises by name, or their folders or files. Default: all.",
            autocompletion=options.complete_exercise,
        ),
    ] = [],  # noqa: B006
    exercises: options.Exercises = [],  # noqa: B006
) -> None:
    """Check exercise files without running them. Every mistake is reported, with file and line."""
    from labctl.grading.exercises import exercises as known
    from labctl.run.selection import loadable

    if names:
        loaded, errors = loadable(known(exercises).load, names)
        right = [name for name, _ in loaded]
    else:
        all_right, errors = known(exercises).sorted_out()
        right = [str(exercise.folder) for exercise in all_right]
    for name in right:
        typer.echo(f"{name}: ok")
    if errors:
        raise ManyInputErrors(tuple(errors))
