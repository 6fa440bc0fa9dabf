"""The results of one attempt, on several Pythons and in several repeats -> what to expect. Pure."""

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
class Recorded:
    """What to expect of an attempt, or `problem`: why nothing can be. `notes` say what differed
    between repeats. `holds` tells that what the scenario expects already is as tight, and so.
    """

    variants: tuple[Expected, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""
    holds: bool = False

    @property
    def says_more(self) -> bool:
        """Whether there is something to write."""
        return bool(self.variants) and not self.holds


def record(
    attempt: Attempt, results: Mapping[str, Sequence[AttemptResult]], *, known: Sequence[str]
) -> Recorded:
    """What the results of an attempt, by the series of their Python, say about it.

    `known` are all series there are, oldest first. What is recorded is seen to hold of every
    observation that it was made of: a verdict of `pass`, which takes in that the report of the
    client is one to be believed.
    """
    notes = Notes()
    try:
        seen = {series: _observations(series, each) for series, each in results.items()}
        found = variants([facts(series, each, notes) for series, each in seen.items()], known=known)
        expectations = tuple(map(_model, found))
        _check(replace(attempt, expectations=expectations), results)
    except Unrecordable as problem:
        return Recorded(problem=str(problem))
    return Recorded(
        variants=found, notes=notes.lines(), holds=_is_current(attempt, expectations, results)
    )


def _model(expected: Expected) -> Expectation:
    """As a file would have it: lists are tuples there."""
    tuples = {key: _frozen(value) for key, value in expected.items()}
    return Expectation.model_validate(tuples)


def _frozen(value: object) -> object:
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    if isinstance(value, dict):
        return {key: _frozen(inner) for key, inner in value.items()}
    return value


def _observations(series: str, results: Iterable[AttemptResult]) -> list[Observation]:
    """Those of one Python, if all of them ended in a way that a scenario can expect."""
    found = []
    for result in results:
        seen = result.observed
        if seen is None:
            raise Unrecordable(f"on Python {series} the lab broke: {'; '.join(result.reasons)}")
        if seen.outcome not in (Outcome.RAISED, Outcome.RETURNED):
            raise Unrecordable(f"on Python {series} {ending(seen)}")
        found.append(seen)
    return found


def _check(attempt: Attempt, results: Mapping[str, Sequence[AttemptResult]]) -> None:
    """Unrecordable where what was recorded isn't so: the judge saw what no expectation says."""
    for result in (one for each in results.values() for one in each):
        reasons = _reasons(attempt, result)
        if reasons:
            raise Unrecordable(f"on Python {result.python} {'; '.join(reasons)}")


def _reasons(attempt: Attempt, result: AttemptResult) -> tuple[str, ...]:
    """Why an attempt is not as expected; none where it is."""
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
    """Whether what the scenario has says the same. Bounds of time need only hold: no two runs
    take as long.
    """
    timeless = [_timeless(one) for one in attempt.expectations]
    return timeless == [_timeless(one) for one in expectations] and not any(
        _reasons(attempt, one) for each in results.values() for one in each
    )


def _timeless(expectation: Expectation) -> Expectation:
    return expectation.model_copy(update={"elapsed": None})
