"""`labctl diff`: what changed between two runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labctl.cli import options
from labctl.cli.verbs import verb_app

EXAMPLES = """\b
Example: what a new Python changes
  labctl run --all --python 3.12 --json old.json
  labctl run --all --python 3.13 --json new.json
  labctl diff old.json new.json
"""
WORSE = 1
"""The exit code if a verdict got worse."""
app = verb_app()


@app.command(epilog=EXAMPLES)
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD.json", help="The result of a run.")],
    new: Annotated[Path, typer.Argument(metavar="NEW.json", help="The result of a later one.")],
    as_json: options.Json = False,
) -> None:
    """Say what changed between two runs, the worst first: verdicts, outcomes, exceptions, stacks.

    Exits with 1 if a verdict got worse, and with 0 if not.
    """
    from labctl.load.result import read_result
    from labctl.report.changes import changes_json, render_changes
    from labctl.report.console import make_console
    from labctl.results.changes import changes

    found = changes(read_result(old), read_result(new))
    if as_json:
        typer.echo(changes_json(found), nl=False)
    else:
        make_console().print(render_changes(found))
    raise typer.Exit(WORSE if found.worse else 0)
