"""`labctl check`: a student's own work, marked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labctl.cli import options
from labctl.cli.verbs import verb_app
from labctl.errors import EngineError

NOT_ALL_POINTS = 1
"""The exit code if points are missing."""
app = verb_app()


@app.command(epilog="Example: labctl check tell-them-apart my-folder")
def check(
    name: options.Exercise,
    directory: Annotated[
        Path,
        typer.Argument(metavar="[DIR]", help="The folder with your files, or one file of yours."),
    ] = Path(),
    jobs: options.Jobs = 4,
    seed: options.Seed = "",
    exercises: options.Exercises = [],  # noqa: B006
    as_json: options.Json = False,
) -> None:
    """Mark your own work: points, what was expected and seen, and a hint where it went wrong.

    Exits with 0 if you have all points, 1 if not, and 4 if the lab could not be run. Then
    points are missing.
    """
    from labctl.grading.checking import check_folder
    from labctl.grading.exercises import exercises as known
    from labctl.model.grade import GradeState
    from labctl.report.console import make_console
    from labctl.report.exercises import exercise_points
    from labctl.report.grades.terminal import render_grade
    from labctl.run.output import Output

    exercise = known(exercises).load(name)
    checked = check_folder(exercise, directory, Output(), jobs=jobs, seed=seed)
    grade = checked.grade
    if as_json:
        typer.echo(grade.model_dump_json(by_alias=True, indent=2))
    else:
        hidden = round(exercise_points(exercise) - grade.max_points, 3)
        most = exercise.spec.limits.tries
        make_console().print(
            render_grade(grade, tries=checked.tries, tries_limit=most, hidden_points=hidden)
        )
    if not grade.gradable:
        raise typer.Exit(EngineError.exit_code)
    is_full = grade.state is GradeState.GRADED and grade.points >= grade.max_points
    raise typer.Exit(0 if is_full else NOT_ALL_POINTS)
