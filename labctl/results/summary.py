"""What the results of a whole run amount to: counts, exit codes, repeats that disagree. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from labctl.errors import EngineError, LabError
from labctl.model.result import AttemptResult, Result, Verdict

NOT_AS_EXPECTED = 1
"""The exit code of a run in which an attempt was not as expected."""


def summary(results: Iterable[AttemptResult]) -> dict[Verdict, int]:
    """Count the attempts of each verdict. Every verdict has an entry, in the enum's order."""
    counts = Counter(result.verdict for result in results)
    return {verdict: counts[verdict] for verdict in Verdict}


def interruption_note(result: Result) -> str:
    """Return a sentence that says why a result lacks attempts, or "" if it has all of them."""
    if not result.interrupted:
        return ""
    has_failed = any(one.verdict not in (Verdict.PASS, None) for one in result.attempts)
    why = "was interrupted"
    if result.request.fail_fast and has_failed:
        why = "ended with its first failure"
    return f"The run {why}: these are not all of its attempts."


def exit_code(results: Iterable[AttemptResult]) -> int:
    """Return the exit code for some attempts: 4 if a lab broke, 1 if an attempt was not as
    expected, else 0.
    """
    verdicts = {result.verdict for result in results}
    if Verdict.ERROR in verdicts:
        return EngineError.exit_code
    if verdicts & {Verdict.FAIL, Verdict.INCONCLUSIVE}:
        return NOT_AS_EXPECTED
    return 0


def exit_code_of(result: Result) -> int:
    """Return the exit code for a whole run: as `exit_code`, but at least 1 if repeats disagree or
    attempts are missing.
    """
    is_incomplete = bool(interruption_note(result)) or bool(disagreements(result.attempts))
    return max(exit_code(result.attempts), NOT_AS_EXPECTED if is_incomplete else 0)


def unreported(errors: Iterable[LabError], results: Iterable[AttemptResult]) -> list[LabError]:
    """Return the errors that no result gives as a reason, each message once."""
    reported = {reason for result in results for reason in result.reasons}
    return list({str(error): error for error in errors if str(error) not in reported}.values())


@dataclass(frozen=True)
class Repeats:
    """The repeats of one attempt. `usual` are those with the most common result (at least one),
    `others` are the rest.
    """

    usual: tuple[AttemptResult, ...]
    others: tuple[AttemptResult, ...]


def group_repeats(results: Sequence[AttemptResult]) -> list[Repeats]:
    """Group results into the repeats of each attempt: those of the same scenario, attempt, Python
    and client. The groups are in the order of their first members.
    """
    groups: dict[tuple[str, ...], list[AttemptResult]] = {}
    for result in results:
        key = (result.scenario, result.attempt, result.python, result.client)
        groups.setdefault(key, []).append(result)
    return [_repeats(members) for members in groups.values()]


def disagreements(results: Sequence[AttemptResult]) -> list[Repeats]:
    """Return the repeats that differ in verdict, in outcome or in the exception's type."""
    return [repeats for repeats in group_repeats(results) if repeats.others]


def _repeats(results: Sequence[AttemptResult]) -> Repeats:
    """Return an attempt's repeats in two parts: those with the most common outcome, and the
    others.
    """
    most, _ = Counter(map(_signature, results)).most_common(1)[0]
    return Repeats(
        usual=tuple(r for r in results if _signature(r) == most),
        others=tuple(r for r in results if _signature(r) != most),
    )


def _signature(result: AttemptResult) -> tuple[object, ...]:
    """Return what the repeats of an attempt must have in common: verdict, outcome and type."""
    seen = result.observed
    if seen is None:
        return (result.verdict,)
    return (result.verdict, seen.outcome, seen.exception.type if seen.exception else None)
