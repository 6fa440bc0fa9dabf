"""Where `labctl run --policy` writes: as a run does, but what broke in place of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from labctl.model.policy import Policy
from labctl.model.result import Result
from labctl.run.attempts import Client
from labctl.run.output import Output

if TYPE_CHECKING:
    from rich.console import RenderableType


class SurvivalOutput(Output):
    """For a client that is judged by a policy; `skipped` are the scenarios that it leaves out."""

    def __init__(
        self,
        documents: Mapping[str, str],
        policy: Policy,
        client: Client | None,
        skipped: Sequence[str],
    ) -> None:
        super().__init__(documents)
        self._policy = policy
        self._client = client
        self._skipped = skipped

    def report(self, result: Result) -> RenderableType:
        """How many failures it survived, and what broke."""
        from labctl.report.survived import render_survived  # noqa: PLC0415 imports much

        options = ["--client", str(self._client.path)] if self._client else []
        options += ["--policy", str(self._policy.path or "default")]
        return render_survived(result, options=options, skipped=self._skipped)
