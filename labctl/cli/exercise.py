"""`labctl exercise list|show|start|validate`, `labctl check` and `labctl grade`."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from labctl.cli import options

app = typer.Typer(
    no_args_is_help=True,
    help="List exercises, show one, start one, and check that their files are right.",
    epilog="Begin with: labctl exercise list",
    rich_markup_mode=None,
)


def complete_exercise(incomplete: str) -> list[str]:
    """Names for shell completion."""
    from labctl.grading.exercises import exercises  # noqa: PLC0415

    return [name for name in exercises(()).names() if name.startswith(incomplete)]


Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="An exercise's name, or its folder.", autocompletion=complete_exercise
    ),
]
Seed = Annotated[
    str,
    typer.Option(
        metavar="TEXT",
        help="What varies from run to run follows from this: the same again for the same files."
        " Without it, nobody knows it before.",
    ),
]
Folders = Annotated[
    list[Path],
    typer.Option(
        "--exercises",
        metavar="DIR",
        exists=True,
        file_okay=False,
        help="Take exercises from this folder too. May be given several times.",
    ),
]


@app.command("list", epilog="Example: labctl exercise list")
def list_(
    exercises: Folders = [],  # noqa: B006 typer copies it
    as_json: options.Json = False,
) -> None:
    """List the exercises, the easiest first.

    A wrong file is told, and keeps none of the others from being listed.
    """
    from labctl.errors import ManyInputErrors  # noqa: PLC0415
    from labctl.grading.exercises import exercises as known  # noqa: PLC0415
    from labctl.report.console import make_console  # noqa: PLC0415
    from labctl.report.exercises import list_json, list_table  # noqa: PLC0415

    found, errors = known(exercises).sorted_out()
    found.sort(key=lambda one: one.spec.level)
    if as_json:
        typer.echo(json.dumps(list_json(found), indent=2))
    else:
        make_console().print(list_table(found))
    if errors:
        raise ManyInputErrors(tuple(errors))


@app.command(epilog="Example: labctl exercise show tell-them-apart")
def show(
    name: Name,
    exercises: Folders = [],  # noqa: B006
    as_json: options.Json = False,
) -> None:
    """Show what an exercise asks for, and what it is worth. Hidden runs are not told."""
    from labctl.grading.exercises import exercises as known  # noqa: PLC0415
    from labctl.report import exercises as report  # noqa: PLC0415
    from labctl.report.console import make_console  # noqa: PLC0415

    exercise = known(exercises).load(name)
    if as_json:
        typer.echo(json.dumps(report.show_json(exercise), indent=2))
    else:
        make_console().print(report.show(exercise))


@app.command(epilog="Example: labctl exercise start tell-them-apart")
def start(
    name: Name,
    directory: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]", help="The folder to make; without it, one with the exercise's name."
        ),
    ] = None,
    exercises: Folders = [],  # noqa: B006
) -> None:
    """Make a folder to work in: instructions, and files to begin with."""
    from labctl.grading.exercises import exercises as known  # noqa: PLC0415
    from labctl.grading.start import README, start_exercise  # noqa: PLC0415

    started = start_exercise(known(exercises).load(name), directory)
    typer.echo(f"wrote {started.path}: read {README} in it")
    typer.echo(f"then: {shlex.join(['labctl', 'check', started.exercise, str(started.path)])}")


@app.command(epilog="Example: labctl exercise validate ./my-exercise")
def validate(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="[NAME|DIR]...",
            help="Exercises by name, or their folders or files. None: all there are.",
            autocompletion=complete_exercise,
        ),
    ] = [],  # noqa: B006
    exercises: Folders = [],  # noqa: B006
) -> None:
    """Check exercise files without running them. Every mistake is told, with file and line."""
    from labctl.errors import ManyInputErrors  # noqa: PLC0415
    from labctl.grading.exercises import exercises as known  # noqa: PLC0415
    from labctl.run.selection import loadable  # noqa: PLC0415

    if names:
        right, errors = loadable(known(exercises), names)
    else:
        all_right, errors = known(exercises).sorted_out()
        right = [str(exercise.folder) for exercise in all_right]
    for name in right:
        typer.echo(f"{name}: ok")
    if errors:
        raise ManyInputErrors(tuple(errors))


def check(
    name: Name,
    directory: Annotated[
        Path,
        typer.Argument(metavar="[DIR]", help="The folder with your files, or one file of yours."),
    ] = Path(),
    jobs: options.Jobs = 4,
    seed: Seed = "",
    exercises: Folders = [],  # noqa: B006
    as_json: options.Json = False,
) -> None:
    """Mark your own work: points, what was expected and seen, and a hint where it went wrong.

    Exits with 0 if all points are there, 1 if not, and 4 if the lab could not be run: then
    nothing was found out.
    """
    from labctl.errors import EngineError  # noqa: PLC0415
    from labctl.grading.checking import check_folder  # noqa: PLC0415
    from labctl.grading.exercises import exercises as known  # noqa: PLC0415
    from labctl.model.grade import State  # noqa: PLC0415
    from labctl.report.console import make_console  # noqa: PLC0415
    from labctl.report.exercises import points  # noqa: PLC0415
    from labctl.report.marks import marks  # noqa: PLC0415
    from labctl.run.output import Output  # noqa: PLC0415

    exercise = known(exercises).load(name)
    checked = check_folder(exercise, directory, Output(), jobs=jobs, seed=seed)
    grade = checked.grade
    if as_json:
        typer.echo(grade.model_dump_json(by_alias=True, indent=2))
    else:
        hidden = round(points(exercise) - grade.max_points, 3)
        most = exercise.spec.limits.tries
        make_console().print(marks(grade, tried=checked.tries, most=most, hidden=hidden))
    if grade.state is State.ERROR:
        raise typer.Exit(EngineError.exit_code)
    is_full = grade.state is State.GRADED and grade.points >= grade.max_points
    raise typer.Exit(0 if is_full else NOT_ALL_POINTS)


NOT_ALL_POINTS = 1
GRADE_EXAMPLES = """\b
Examples:
  labctl grade mail-once submissions/ --out grades
  labctl grade mail-once moodle.zip --out grades --resume
"""


def grade(
    name: Name,
    submissions: Annotated[
        list[Path],
        typer.Argument(
            metavar="SUBMISSIONS...",
            help="Folders, archives and files, or a course system's bulk download.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder for the grades.")],
    jobs: options.Jobs = 4,
    seed: Seed = "",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with grades that are there already.")
    ] = False,
    exercises: Folders = [],  # noqa: B006
    as_json: options.Json = False,
) -> None:
    """Grade submissions, whoever wrote them, on evidence that they can't forge.

    Exits with 0 if all were graded, whatever their marks, and with 4 if the lab could not be run
    for some: they have no marks, and --resume grades them.
    """
    from labctl.errors import EngineError  # noqa: PLC0415
    from labctl.grading.course import CLASS, GradeRequest, grade_class, is_complete  # noqa: PLC0415
    from labctl.grading.exercises import exercises as known  # noqa: PLC0415
    from labctl.report.console import make_console  # noqa: PLC0415
    from labctl.report.marks import class_table  # noqa: PLC0415
    from labctl.run.output import Output  # noqa: PLC0415

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
        make_console().print(class_table(grades, out))
    raise typer.Exit(0 if is_complete(grades) else EngineError.exit_code)
