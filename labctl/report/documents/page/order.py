"""Which attempts come first, and what they are told apart and found by."""

from __future__ import annotations

from collections.abc import Iterable

from labctl.model.result import AttemptResult, Result, Verdict
from labctl.report.wording import attempt_label

WORST_FIRST = (Verdict.ERROR, Verdict.FAIL, Verdict.INCONCLUSIVE, None, Verdict.PASS)


def worst_first(attempts: Iterable[AttemptResult]) -> list[AttemptResult]:
    """Return the attempts by verdict, the worst first; attempts with the same verdict keep their
    order.
    """
    return sorted(attempts, key=lambda one: WORST_FIRST.index(one.verdict))


def layer_of(result: Result, attempt: AttemptResult) -> str:
    """Return the layer of an attempt's scenario; empty if the document does not say."""
    info = result.scenarios.get(attempt.scenario)
    return info.layer if info else ""


def layers_of(result: Result) -> list[str]:
    """Return every layer that attempts have, in the order in which they first come."""
    return list(dict.fromkeys(filter(None, (layer_of(result, one) for one in result.attempts))))


def attempt_title(attempt: AttemptResult) -> str:
    """Return the title of an attempt: `refused-port/smtplib`, and the number of a repeat."""
    again = f" #{attempt.repeat}" if attempt.repeat > 1 else ""
    return attempt_label(attempt) + again
