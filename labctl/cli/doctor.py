"""`labctl doctor`: is everything there that labs need, and does it do what it says?"""

from __future__ import annotations

import json

import typer

from labctl.cli import options
from labctl.cli.verbs import verb_app

app = verb_app()


@app.command(epilog="Example: labctl doctor")
def doctor(as_json: options.Json = False) -> None:
    """Check engine, isolation (by trying), kernel and images.

    It says what to do about each problem. Exits with 4 if something is missing that labs need.
    """
    from labctl.engine.doctor import examine
    from labctl.report.checks import render_check
    from labctl.report.console import make_console
    from labctl.run.signals import terminable

    found = []
    screen = make_console()
    with terminable():
        for check in examine():
            found.append(check)
            if not as_json:
                screen.print(render_check(check))
    if as_json:
        typer.echo(json.dumps([check.model_dump(mode="json") for check in found], indent=2))
    if any(check.blocks for check in found):
        raise typer.Exit(4)
