"""The result of one attempt, built from its plan, its observation and its judgement. Pure."""

from __future__ import annotations

from typing import Any

from labctl.errors import LabError
from labctl.judge.policy import policy_json
from labctl.judge.verdict import Judgement
from labctl.model.expectation import Expectation
from labctl.model.libraries import libraries
from labctl.model.plan import PlannedAttempt
from labctl.model.result import AttemptResult, Observation, Verdict


def attempt_result(
    planned: PlannedAttempt, observation: Observation, judgement: Judgement
) -> AttemptResult:
    """Return the result of an attempt that was made."""
    return AttemptResult(
        **_identity(planned),
        verdict=judgement.verdict,
        reasons=judgement.reasons,
        differences=judgement.differences,
        not_judged=judgement.not_judged,
        elapsed_s=observation.elapsed_s,
        observed=observation,
    )


def lab_error_result(planned: PlannedAttempt, error: LabError) -> AttemptResult:
    """Return the result of an attempt that could not be made because the lab broke.

    Its verdict is `error`; its reasons are the error's message and, if there is one, its hint.
    """
    return AttemptResult(
        **_identity(planned),
        verdict=Verdict.ERROR,
        reasons=tuple(reason for reason in (str(error), error.hint) if reason),
    )


def _identity(planned: PlannedAttempt) -> dict[str, Any]:
    """Return the fields of a result that say which attempt it is."""
    return {
        "scenario": planned.scenario,
        "attempt": planned.attempt,
        "python": planned.interpreter.version,
        "client": planned.client,
        "libraries": _versions(planned),
        "repeat": planned.repeat,
        "expected": _expected(planned),
    }


def _versions(planned: PlannedAttempt) -> dict[str, str]:
    """Return the version of each library that the client requires."""
    packages = planned.interpreter.packages
    return {name: packages[libraries()[name].distribution] for name in planned.requires}


def _expected(planned: PlannedAttempt) -> dict[str, Any] | None:
    """Return what was expected of an attempt, as JSON: its policy's rule or its expectation."""
    if planned.rule is not None:
        return policy_json(planned.rule)
    return expected_json(planned.expectation) if planned.expectation else None


def expected_json(expectation: Expectation) -> dict[str, Any]:
    """Return the keys of `expect:` that the scenario gives, with durations in seconds."""
    given: dict[str, Any] = expectation.model_dump(mode="json", exclude_defaults=True)
    return given
