"""What did not go as it should in a run, each thing once for all attempts that it happened to."""

from __future__ import annotations

from dataclasses import dataclass

from labctl.model.result import AttemptResult, Result, Verdict
from labctl.report.text import label, listed, series
from labctl.text import escape_control, pluralize

_WORST_FIRST = (Verdict.ERROR, Verdict.FAIL, Verdict.INCONCLUSIVE)
_NAMES = 4


@dataclass(frozen=True)
class Failure:
    """Attempts with the same verdict for the same reasons: those of one client, on whatever
    Python; where the lab broke, of any.
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
        return escape_control(listed(dict.fromkeys(series(one.python) for one in self.attempts)))

    @property
    def who(self) -> str:
        """`refused-port/smtplib on Python 3.9, 3.13`."""
        names = listed(dict.fromkeys(map(label, self.attempts)), most=_NAMES)
        return f"{names} on Python {self.pythons}"

    @property
    def title(self) -> str:
        """One line that says what happened to whom."""
        if self.verdict is Verdict.ERROR:
            return f"the lab broke, {pluralize(len(self.attempts), 'attempt')} not made: {self.who}"
        return f"{self.verdict.value}: {self.who}"


def failures(result: Result) -> list[Failure]:
    """The worst first; among those as bad, what happened to the most attempts."""
    alike: dict[tuple[Verdict, tuple[str, ...]], list[AttemptResult]] = {}
    for one in result.attempts:
        if one.verdict in _WORST_FIRST:
            whose = () if one.verdict is Verdict.ERROR else (one.scenario, one.attempt, one.client)
            alike.setdefault((one.verdict, (*whose, *one.reasons)), []).append(one)
    found = [Failure(verdict, tuple(members)) for (verdict, _), members in alike.items()]
    return sorted(found, key=lambda one: (_WORST_FIRST.index(one.verdict), -len(one.attempts)))
