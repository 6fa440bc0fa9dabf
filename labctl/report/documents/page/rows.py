"""The list: a line for each attempt, which tells its verdict to readers without scripts too."""

from __future__ import annotations

from collections.abc import Sequence

from labctl.model.result import AttemptResult, Verdict
from labctl.report.documents.page.order import attempt_title
from labctl.report.html import EMPTY, Markup, join, tag
from labctl.report.wording import VERDICT_SIGNS, outcome_line, verdict_word
from labctl.text import escape_control

_OUTCOME = 140
_REASON = 200


def attempt_rows(attempts: Sequence[AttemptResult]) -> Markup:
    """Return the HTML rows of the attempts in their order; the first is called `a0`. Scripts fill
    in the details.
    """
    return join(*(_row(number, one) for number, one in enumerate(attempts)))


def verdict_badge(verdict: Verdict | None) -> Markup:
    """Return the HTML of a verdict, as a sign and a word."""
    return tag(
        "span", tag("span", VERDICT_SIGNS[verdict], aria_hidden="true"), verdict_word(verdict),
        class_=f"badge {verdict_word(verdict)}",
    )  # fmt: skip


def _row(number: int, attempt: AttemptResult) -> Markup:
    """Return an attempt as a row that can be opened."""
    summary = tag(
        "summary",
        verdict_badge(attempt.verdict),
        tag("bdi", escape_control(attempt_title(attempt), limit=120), class_="name"),
        tag("bdi", escape_control(attempt.python, limit=24), class_="python"),
        tag("bdi", _outcome(attempt), class_="outcome"),
        tag("span", _seconds(attempt), class_="time"),
        _why(attempt),
    )
    return tag("details", summary, class_=f"row {verdict_word(attempt.verdict)}", id=f"a{number}")


def _outcome(attempt: AttemptResult) -> str:
    """Return how the attempt ended, on one line. If the lab broke, it is the first line of the
    reason, which may be a log.
    """
    if attempt.observed is None and attempt.reasons:
        return escape_control(attempt.reasons[0].partition("\n")[0], limit=_OUTCOME)
    return escape_control(outcome_line(attempt), limit=_OUTCOME)


def _seconds(attempt: AttemptResult) -> str:
    """Return the time that the client took, as text."""
    return f"{attempt.elapsed_s:.2f} s" if attempt.observed else ""


def _why(attempt: AttemptResult) -> Markup:
    """Return the first reason of an attempt that did not pass. If the lab broke, the row has it
    already.
    """
    if attempt.verdict is Verdict.PASS or not attempt.reasons or attempt.observed is None:
        return EMPTY
    more = f" (and {len(attempt.reasons) - 1} more)" if len(attempt.reasons) > 1 else ""
    return tag("bdi", escape_control(attempt.reasons[0], limit=_REASON), more, class_="why")
