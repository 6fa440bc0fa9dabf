"""What did not go as it should in a run, each thing once for all attempts that it happened to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from labctl.model.result import AttemptResult, Verdict
from labctl.report.wording import WORST_FIRST, attempt_label, python_list
from labctl.text import comma_list, pluralize

_BAD = (Verdict.ERROR, Verdict.FAIL, Verdict.INCONCLUSIVE)
_NAMES_LIMIT = 4


@dataclass(frozen=True)
class Failure:
    """Attempts with the same bad verdict for the same reasons.

    They are all of one client, on one or several Pythons; if the lab broke, of any client.
    """

    verdict: Verdict
    attempts: tuple[AttemptResult, ...]

    @property
    def first(self) -> AttemptResult:
        """The attempt that stands for them all."""
        return self.attempts[0]

    @property
    def pythons(self) -> str:
        """`3.9, 3.13`."""
        return comma_list(python_list(self.attempts))

    @property
    def labels(self) -> str:
        """`refused-port/smtplib, refused-port/socket`."""
        return comma_list(dict.fromkeys(map(attempt_label, self.attempts)), limit=_NAMES_LIMIT)

    @property
    def title(self) -> str:
        """One line that says what happened to which attempts on which Pythons."""
        where = f"{self.labels} on Python {self.pythons}"
        if self.verdict is Verdict.ERROR:
            return f"the lab broke, {pluralize(len(self.attempts), 'attempt')} not made: {where}"
        return f"{self.verdict.value}: {where}"


def group_failures(attempts: Iterable[AttemptResult]) -> list[Failure]:
    """Group the attempts that did not go as they should, in order of first appearance."""
    groups: dict[tuple[Verdict, tuple[str, ...]], list[AttemptResult]] = {}
    for one in attempts:
        if one.verdict in _BAD:
            client = () if one.verdict is Verdict.ERROR else (one.scenario, one.attempt, one.client)
            groups.setdefault((one.verdict, (*client, *one.reasons)), []).append(one)
    return [Failure(verdict, tuple(members)) for (verdict, _), members in groups.items()]


def worst_failures(attempts: Iterable[AttemptResult]) -> list[Failure]:
    """Group the same, with the worst verdict first, and then what happened to the most attempts."""
    return sorted(
        group_failures(attempts),
        key=lambda failure: (WORST_FIRST.index(failure.verdict), -len(failure.attempts)),
    )
