"""`labctl exercise list|show|start|validate`, `labctl check` and `labctl grade`."""

from __future__ import annotations

import json
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
    from labctl.cli.grading import exercises  # noqa: PLC0415

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
    from labctl.cli.grading import exercises as known  # noqa: PLC0415
    from labctl.errors import ManyInputErrors  # noqa: PLC0415
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
    from labctl.cli.grading import exercises as known  # noqa: PLC0415
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
    from labctl.cli.checking import start as begin  # noqa: PLC0415

    typer.echo(begin(name, directory, exercises))


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
    from labctl.cli.checking import validate as carry_out  # noqa: PLC0415
    from labctl.errors import ManyInputErrors  # noqa: PLC0415

    right, errors = carry_out(names, exercises)
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
    from labctl.cli.checking import check as carry_out  # noqa: PLC0415

    raise typer.Exit(carry_out(name, directory, exercises, jobs=jobs, seed=seed, as_json=as_json))


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
    from labctl.cli.class_grading import Wanted, carry_out  # noqa: PLC0415

    wanted = Wanted(
        exercise=name,
        paths=tuple(submissions),
        out=out,
        jobs=jobs,
        seed=seed,
        resume=resume,
        folders=tuple(exercises),
        as_json=as_json,
    )
    raise typer.Exit(carry_out(wanted))
