"""The command line: wiring, no logic. Each verb has a module here; `verbs` has the table."""

from __future__ import annotations

from typing import Annotated

import typer

from labctl import __version__
from labctl.cli.verbs import Verbs

app = typer.Typer(
    cls=Verbs,
    name="labctl",
    help="Reproduce network failures in containers, and show what a Python client gets.",
    epilog="Begin with: labctl list; labctl show refused-port; labctl run refused-port",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(is_given: bool) -> None:
    """Print labctl's version and exit, if `--version` is given."""
    if is_given:
        typer.echo(f"labctl {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Take the options that come before any verb."""
