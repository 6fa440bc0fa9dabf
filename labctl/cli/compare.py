"""`labctl compare`: one failure through all clients of a scenario, side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from labctl.cli import options
from labctl.cli.verbs import verb_app
from labctl.errors import UsageError
from labctl.pythons import USUAL, parse_series

app = verb_app()


@app.command(epilog="Example: labctl compare refused-port --python 3.9")
def compare(
    name: options.Scenario,
    python: Annotated[
        str, typer.Option(metavar="3.13", help="The Python to run the clients on.")
    ] = USUAL,
    json: Annotated[
        str, typer.Option(metavar="FILE|-", help="Write the comparison there; - is stdout.")
    ] = "",
    scenarios: options.Scenarios = [],  # noqa: B006 typer copies it
) -> None:
    """Run all clients of a scenario, and say what each would have to catch.

    For each: its exception, whether `except OSError` and the like catch it, and whether it is
    worth a retry. Exits with the same codes as `labctl run`.
    """
    from labctl.run.comparison import ComparisonOutput
    from labctl.run.execute import execute
    from labctl.run.request import Limits, RunRequest

    if len(parse_series(python)) != 1:
        raise UsageError("a comparison is on one Python", hint="give --python one, such as 3.9")
    request = RunRequest(
        names=(name,),
        folders=tuple(scenarios),
        pythons=python,
        limits=Limits(jobs=4, limit_s=30.0),
    )
    raise typer.Exit(execute(request, lambda _: ComparisonOutput(json)))
