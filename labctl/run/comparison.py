"""The output of a run that compares the clients of a scenario."""

from __future__ import annotations

from rich.console import RenderableType

from labctl.model.result import Result
from labctl.report.comparison import comparison_json, render_comparison
from labctl.results.comparison import compare
from labctl.run.output import Output


class ComparisonOutput(Output):
    """Writes a comparison of the clients, where a run writes its report and documents."""

    def __init__(self, json: str) -> None:
        """Take the file that the comparison is written to as JSON; `-` is stdout, and empty is no
        file.
        """
        super().__init__({"json": json} if json else {})

    def document(self, name: str, result: Result) -> str:  # noqa: ARG002 there is but one
        """Return the comparison as JSON."""
        return comparison_json(compare(result))

    def report(self, result: Result) -> RenderableType:
        """Return the comparison as a table."""
        return render_comparison(compare(result))
