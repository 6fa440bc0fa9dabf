"""The words and signs for verdicts, attempts and their outcomes, the same in every report.

Every text returned here is one printable line: what comes from clients or files is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from labctl.model.result import AttemptResult, ExceptionInfo, Observation, Outcome, Verdict
from labctl.pythons import series_of
from labctl.text import escape_control, format_took

VERDICT_SIGNS = {
    Verdict.PASS: "✔",
    Verdict.FAIL: "✘",
    Verdict.INCONCLUSIVE: "?",
    Verdict.ERROR: "!",
    None: "·",
}
VERDICT_STYLES = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.ERROR: "bold magenta",
    None: "cyan",
}
"""Styles of rich. A verdict of None, here and everywhere: nothing was expected of the attempt."""
WORST_FIRST = (Verdict.ERROR, Verdict.FAIL, Verdict.INCONCLUSIVE, None, Verdict.PASS)
"""The order in which reports list attempts."""
SHOWN = "shown"
"""The word for a verdict of None."""
EVIDENCE_WORDS = {"wire": "the wire", "served": "the servers' events"}
"""What keys of `not_judged` are called."""


def verdict_word(verdict: Verdict | None) -> str:
    """Return `pass`, `fail`, `inconclusive`, `error` or `shown`."""
    return verdict.value if verdict else SHOWN


def attempt_label(result: AttemptResult) -> str:
    """Return `scenario/attempt`, and the file of a client that was given with --client:
    `scenario/my.py`, or `scenario/attempt (my.py)` if it took the place of that attempt.
    """
    if result.client and result.client.rpartition(".")[0] == result.attempt:
        return escape_control(f"{result.scenario}/{result.client}")
    client = f" ({result.client})" if result.client else ""
    return escape_control(f"{result.scenario}/{result.attempt}{client}")


def python_series(version: str) -> str:
    """Return the series of a Python version, escaped: 3.13 of 3.13.5."""
    return escape_control(series_of(version))


def python_list(results: Iterable[AttemptResult]) -> list[str]:
    """Return each series of Python that the attempts were made on, once, in order of appearance."""
    return list(dict.fromkeys(python_series(one.python) for one in results))


def sorted_pythons(results: Iterable[AttemptResult]) -> list[str]:
    """Return each series of Python that the attempts were made on, once, the oldest first."""
    return sorted(python_list(results), key=_series_numbers)


def _series_numbers(series: str) -> tuple[Sequence[int], str]:
    """Return a sort key for a Python series."""
    # A result document may have anything in the place of a version.
    parts = [part[:9] for part in series.split(".")]
    return [int(part) for part in parts if part.isdecimal()], series


def exception_line(exception: ExceptionInfo) -> str:
    """Return an exception as the last line of a traceback: its type and its message."""
    message = f": {exception.message}" if exception.message else ""
    return escape_control(f"{exception.type}{message}")


def outcome_line(result: AttemptResult) -> str:
    """Return what became of an attempt, or why it was not made.

    As `ending_line`, but without `[Errno 111]`, which reports show among the details.
    """
    if result.observed is None:
        return escape_control(result.reasons[0]) if result.reasons else "not made"
    return re.sub(r"^(\S+: )\[Errno -?\d+\] ", r"\1", ending_line(result.observed))


def ending_line(observation: Observation) -> str:
    """Return how a client ended: its exception, its return value, or what ended its process."""
    if observation.outcome is Outcome.RAISED and observation.exception:
        return exception_line(observation.exception)
    if observation.outcome is Outcome.RETURNED:
        return escape_control(f"returned {observation.returned}")
    return {
        Outcome.EXITED: f"ended its process at once, exit status {observation.exit}",
        Outcome.KILLED: escape_control(f"killed ({observation.signal or 'by a signal'})"),
        Outcome.OUT_OF_MEMORY: "used up its memory and was killed",
        Outcome.TIMED_OUT: f"still running after {format_took(observation.elapsed_s)}",
    }.get(observation.outcome, "left something that is not a report")
