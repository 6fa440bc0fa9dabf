"""From the results of one attempt, on several Pythons, to what to expect of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from labctl.judge import judge
from labctl.judge.verdict import ending
from labctl.model.expectation import Expectation
from labctl.model.result import AttemptResult, Observation, Outcome, Verdict
from labctl.model.scenario import Attempt
from labctl.record.exceptions import Expected
from labctl.record.facts import facts
from labctl.record.notes import Notes, Unrecordable
from labctl.record.variants import variants


@dataclass(frozen=True, kw_only=True)
class AttemptRecording:
    """What to expect of an attempt, as variants, or `problem`: why nothing can be expected.

    `notes` say what differed between repeats. `is_current` is true if the scenario expects just
    that already.
    """

    variants: tuple[Expected, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""
    is_current: bool = False

    @property
    def has_news(self) -> bool:
        """Whether there is something to write."""
        return bool(self.variants) and not self.is_current


def record(
    attempt: Attempt, results: Mapping[str, Sequence[AttemptResult]], *, known: Sequence[str]
) -> AttemptRecording:
    """Return what to expect of an attempt, from its results by the series of their Python.

    `known` are all series there are, oldest first. What is recorded is judged by every observation
    that it was made of: each must `pass`, and so its report must be one to be believed.
    """
    notes = Notes()
    try:
        observations = {series: _observations(series, each) for series, each in results.items()}
        found = variants(
            [facts(series, each, notes) for series, each in observations.items()], known=known
        )
        expectations = tuple(map(_model, found))
        _check(replace(attempt, expectations=expectations), results)
    except Unrecordable as problem:
        return AttemptRecording(problem=str(problem))
    return AttemptRecording(
        variants=found, notes=notes.lines(), is_current=_is_current(attempt, expectations, results)
    )


def _model(expected: Expected) -> Expectation:
    """Return the expectation as it is loaded from a file, where lists are tuples."""
    tuples = {key: _frozen(value) for key, value in expected.items()}
    return Expectation.model_validate(tuples)


def _frozen(value: object) -> object:
    """Return a value with its lists as tuples."""
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    if isinstance(value, dict):
        return {key: _frozen(inner) for key, inner in value.items()}
    return value


def _observations(series: str, results: Iterable[AttemptResult]) -> list[Observation]:
    """Return the observations of one Python. Raise Unrecordable if one did not end in a way that a
    scenario can expect.
    """
    observations = []
    for result in results:
        observed = result.observed
        if observed is None:
            raise Unrecordable(f"on Python {series} the lab broke: {'; '.join(result.reasons)}")
        if observed.outcome not in (Outcome.RAISED, Outcome.RETURNED):
            raise Unrecordable(f"on Python {series} {ending(observed)}")
        observations.append(observed)
    return observations


def _check(attempt: Attempt, results: Mapping[str, Sequence[AttemptResult]]) -> None:
    """Raise Unrecordable if a result does not pass: the judge saw what no expectation says."""
    for result in (one for each in results.values() for one in each):
        reasons = _reasons(attempt, result)
        if reasons:
            raise Unrecordable(f"on Python {result.python} {'; '.join(reasons)}")


def _reasons(attempt: Attempt, result: AttemptResult) -> tuple[str, ...]:
    """Judge a result by the scenario's present expectation, and return why it does not pass; empty
    if it does.
    """
    expectation = attempt.expectation(result.python)
    if expectation is None or result.observed is None:
        return (f"nothing is expected of Python {result.python}",)
    judgement = judge(expectation, result.observed)
    return () if judgement.verdict is Verdict.PASS else judgement.reasons


def _is_current(
    attempt: Attempt,
    expectations: tuple[Expectation, ...],
    results: Mapping[str, Sequence[AttemptResult]],
) -> bool:
    """Return whether the scenario expects the same already. Bounds of time need only hold: no two
    runs take equally long.
    """
    timeless = [_timeless(one) for one in attempt.expectations]
    return timeless == [_timeless(one) for one in expectations] and not any(
        _reasons(attempt, one) for each in results.values() for one in each
    )


def _timeless(expectation: Expectation) -> Expectation:
    """Return the expectation without bounds of time."""
    return expectation.model_copy(update={"elapsed": None})
