"""`labctl compare`: one failure through all clients of a scenario, side by side."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import RenderableType

from labctl.cli import options
from labctl.cli.verbs import verb_app
from labctl.errors import UsageError
from labctl.model.result import Result
from labctl.pythons import USUAL, parse_series
from labctl.report.comparison import comparison_json, render_comparison
from labctl.results.comparison import compare as compare_clients
from labctl.run.execute import execute
from labctl.run.output import Output
from labctl.run.request import Limits, RunRequest

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
    if len(parse_series(python)) != 1:
        raise UsageError("a comparison is on one Python", hint="give --python one, such as 3.9")
    request = RunRequest(
        names=(name,),
        folders=tuple(scenarios),
        pythons=python,
        limits=Limits(jobs=4, limit_s=30.0),
    )
    raise typer.Exit(execute(request, lambda _: ComparisonOutput(json)))


class ComparisonOutput(Output):
    """Writes a comparison of the clients, where a run writes its report and documents."""

    def __init__(self, json: str) -> None:
        """Take the file that the comparison is written to as JSON; `-` is stdout, and empty is no
        file.
        """
        super().__init__({"json": json} if json else {})

    def document(self, name: str, result: Result) -> str:  # noqa: ARG002 there is but one
        """Return the comparison as JSON."""
        return comparison_json(compare_clients(result))

    def report(self, result: Result) -> RenderableType:
        """Return the comparison as a table."""
        return render_comparison(compare_clients(result))
