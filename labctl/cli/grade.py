"""`labctl grade`: a class, graded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labctl.cli import options
from labctl.cli.verbs import verb_app
from labctl.errors import EngineError

EXAMPLES = """\b
Examples:
  labctl grade mail-once submissions/ --out grades
  labctl grade mail-once moodle.zip --out grades --resume
"""
app = verb_app()


@app.command(epilog=EXAMPLES)
def grade(
    name: options.Exercise,
    submissions: Annotated[
        list[Path],
        typer.Argument(
            metavar="SUBMISSIONS...",
            help="Folders, archives and files, or a course system's bulk download.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder for the grades.")],
    jobs: options.Jobs = 4,
    seed: options.Seed = "",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with grades that are there already.")
    ] = False,
    exercises: options.Exercises = [],  # noqa: B006
    as_json: options.Json = False,
) -> None:
    """Grade submissions, whoever wrote them, on evidence that they can't forge.

    Exits with 0 if all were graded, whatever their marks, and with 4 if some could not be: their
    lab broke, or the machine was too busy. They have no marks yet, and --resume grades them.
    """
    from labctl.grading.course import CLASS, GradeRequest, grade_class, is_complete
    from labctl.grading.exercises import exercises as known
    from labctl.report.console import make_console
    from labctl.report.grades.terminal import render_class
    from labctl.run.output import Output

    request = GradeRequest(
        exercise=known(exercises).load(name),
        paths=tuple(submissions),
        out=out,
        jobs=jobs,
        seed=seed,
        resume=resume,
    )
    grades = grade_class(request, Output())
    if as_json:
        typer.echo((out / CLASS).read_text("utf-8"), nl=False)
    else:
        make_console().print(render_class(grades, out))
    raise typer.Exit(0 if is_complete(grades) else EngineError.exit_code)
