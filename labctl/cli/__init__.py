"""The verbs: wiring, no logic. What a verb needs is imported when it runs: help is quick."""

from __future__ import annotations

from typing import Annotated

import typer

from labctl import __version__
from labctl.cli import (
    clean,
    compare,
    doctor,
    exercise,
    explain,
    images,
    lock,
    look,
    new,
    record,
    rerun,
    results,
    run,
)
from labctl.cli.variables import Verbs

app = typer.Typer(
    cls=Verbs,
    name="labctl",
    help="Reproduce network failures in Docker, and prove what a Python client makes of them.",
    epilog="Begin with: labctl list; labctl show refused-port; labctl run refused-port",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(epilog=run.EXAMPLES)(run.run)
app.command(epilog="Example: labctl compare refused-port --python 3.9")(compare.compare)
app.command("list", epilog="Example: labctl list --tag core")(look.list_)
app.command(epilog="Example: labctl show refused-port")(look.show)
app.command(epilog=explain.EXAMPLES)(explain.explain)
app.command(epilog="Example: labctl validate my.yaml other.yaml")(look.validate)
app.command(epilog=new.EXAMPLES)(new.new)
app.command(epilog=record.EXAMPLES)(record.record)
app.command(epilog="Example: labctl report run.json --html run.html")(results.report)
app.command(epilog=results.DIFF_EXAMPLES)(results.diff)
app.command(epilog=results.MERGE_EXAMPLES)(results.merge)
app.command(epilog="Example: labctl rerun run.json")(rerun.rerun)
app.command(epilog="Example: labctl lock")(lock.lock)
app.add_typer(exercise.app, name="exercise")
app.command(epilog="Example: labctl check tell-them-apart my-folder")(exercise.check)
app.command(epilog=exercise.GRADE_EXAMPLES)(exercise.grade)
app.command(epilog="Example: labctl schema > scenario.schema.json")(look.schema)
app.add_typer(images.app, name="images")
app.command(epilog="Example: labctl doctor")(doctor.doctor)
app.command(epilog="Example: labctl clean")(clean.clean)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"labctl {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass
