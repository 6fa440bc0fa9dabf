"""Attempts with their judgements -> results, and what a run's results amount to. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from labctl.errors import EngineError, LabError
from labctl.judge.policy import policy_json
from labctl.judge.verdict import Judgement
from labctl.model.expectation import Expectation
from labctl.model.plan import PlannedAttempt
from labctl.model.result import AttemptResult, Observation, Result, Verdict

NOT_AS_EXPECTED = 1


def attempt_result(
    planned: PlannedAttempt, observation: Observation, judgement: Judgement
) -> AttemptResult:
    """What is kept of an attempt that was made."""
    return AttemptResult(
        **_identity(planned),
        verdict=judgement.verdict,
        reasons=judgement.reasons,
        differences=judgement.differences,
        not_judged=judgement.not_judged,
        elapsed_s=observation.elapsed_s,
        observed=observation,
    )


def lab_error(planned: PlannedAttempt, error: LabError) -> AttemptResult:
    """What is kept of an attempt that the lab could not make: what broke, then what to do."""
    return AttemptResult(
        **_identity(planned),
        verdict=Verdict.ERROR,
        reasons=tuple(reason for reason in (str(error), error.hint) if reason),
    )


def _identity(planned: PlannedAttempt) -> dict[str, Any]:
    return {
        "scenario": planned.scenario,
        "attempt": planned.attempt,
        "python": planned.interpreter.version,
        "client": planned.client,
        "libraries": {name: planned.interpreter.packages[name] for name in planned.requires},
        "repeat": planned.repeat,
        "expected": _expected(planned),
    }


def _expected(planned: PlannedAttempt) -> dict[str, Any] | None:
    if planned.rule is not None:
        return policy_json(planned.rule)
    return expected_json(planned.expectation) if planned.expectation else None


def expected_json(expectation: Expectation) -> dict[str, Any]:
    """The keys of `expect:` that the scenario gives, with durations in seconds."""
    given: dict[str, Any] = expectation.model_dump(mode="json", exclude_defaults=True)
    return given


def summary(results: Iterable[AttemptResult]) -> dict[Verdict, int]:
    """How many attempts got each verdict; every verdict is there."""
    counts = Counter(result.verdict for result in results)
    return {verdict: counts[verdict] for verdict in Verdict}


def cut_short(result: Result) -> str:
    """Why a result lacks attempts, as a sentence; empty where it has all."""
    if not result.interrupted:
        return ""
    failed = any(one.verdict not in (Verdict.PASS, None) for one in result.attempts)
    why = "was interrupted"
    if result.request.fail_fast and failed:
        why = "ended with its first failure"
    return f"The run {why}: these are not all of its attempts."


def exit_code(results: Iterable[AttemptResult]) -> int:
    """4 where a lab broke, else 1 where an attempt was not as expected, else 0."""
    verdicts = {result.verdict for result in results}
    if Verdict.ERROR in verdicts:
        return EngineError.exit_code
    if verdicts & {Verdict.FAIL, Verdict.INCONCLUSIVE}:
        return NOT_AS_EXPECTED
    return 0


def exit_code_of(result: Result) -> int:
    """That of the run: as `exit_code`, and 1 where repeats disagree or attempts are lacking."""
    lacking = bool(cut_short(result)) or bool(disagreements(result.attempts))
    return max(exit_code(result.attempts), NOT_AS_EXPECTED if lacking else 0)


def untold(troubles: Iterable[LabError], results: Iterable[AttemptResult]) -> list[LabError]:
    """What broke and is not told as the reason why an attempt could not be made, each once."""
    told = {reason for result in results for reason in result.reasons}
    return list({str(one): one for one in troubles if str(one) not in told}.values())


@dataclass(frozen=True)
class Group:
    """The repeats of one attempt: `usual` are those that got what most got, never none."""

    usual: tuple[AttemptResult, ...]
    others: tuple[AttemptResult, ...]


def groups(results: Sequence[AttemptResult]) -> list[Group]:
    """The repeats of each scenario, attempt, Python and client, in the order of the first."""
    found: dict[tuple[str, ...], list[AttemptResult]] = {}
    for result in results:
        key = (result.scenario, result.attempt, result.python, result.client)
        found.setdefault(key, []).append(result)
    return [_group(members) for members in found.values()]


def disagreements(results: Sequence[AttemptResult]) -> list[Group]:
    """The attempts whose repeats differ in verdict, in outcome or in the exception's type."""
    return [group for group in groups(results) if group.others]


def _group(results: Sequence[AttemptResult]) -> Group:
    most, _ = Counter(map(_signature, results)).most_common(1)[0]
    return Group(
        usual=tuple(r for r in results if _signature(r) == most),
        others=tuple(r for r in results if _signature(r) != most),
    )


def _signature(result: AttemptResult) -> tuple[object, ...]:
    seen = result.observed
    if seen is None:
        return (result.verdict,)
    return (result.verdict, seen.outcome, seen.exception.type if seen.exception else None)
