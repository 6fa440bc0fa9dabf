"""The output of a run in which a policy judges a client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from labctl.model.policy import Policy
from labctl.model.result import Result
from labctl.report.documents import Documents
from labctl.run.attempts import Client
from labctl.run.output import Output

if TYPE_CHECKING:
    from rich.console import RenderableType


class SurvivalOutput(Output):
    """Writes what broke a client that a policy judges, where a run writes its report."""

    def __init__(
        self,
        documents: Documents,
        policy: Policy,
        client: Client | None,
        skipped: Sequence[str],
    ) -> None:
        """Take the policy, the client, and the names of the scenarios that the policy
        leaves out.
        """
        super().__init__(documents)
        self._policy = policy
        self._client = client
        self._skipped = skipped

    def report(self, result: Result) -> RenderableType:
        """Return how many failures the client survived, and what broke it."""
        from labctl.report.survival import render_survival  # noqa: PLC0415 rich: not before labs start

        options = ["--client", str(self._client.path)] if self._client else []
        options += ["--policy", str(self._policy.path or "default")]
        return render_survival(result, options=options, skipped=self._skipped)
