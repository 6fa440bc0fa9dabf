"""Where `labctl compare` writes: as a run does, but a comparison in place of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labctl.model.result import Result
from labctl.run.output import Output

if TYPE_CHECKING:
    from rich.console import RenderableType


class ComparisonOutput(Output):
    """`json` names the file for the comparison as JSON; `-` is stdout."""

    def __init__(self, json: str) -> None:
        super().__init__({"json": json} if json else {})

    def document(self, name: str, result: Result) -> str:  # noqa: ARG002 there is but one
        """The comparison as JSON."""
        from labctl.report.comparison import comparison_json  # noqa: PLC0415
        from labctl.results.comparison import compare  # noqa: PLC0415

        return comparison_json(compare(result))

    def report(self, result: Result) -> RenderableType:
        """The comparison as a table."""
        from labctl.report.comparison import render_comparison  # noqa: PLC0415
        from labctl.results.comparison import compare  # noqa: PLC0415

        return render_comparison(compare(result))
