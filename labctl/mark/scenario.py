"""Marks of a scenario that a student wrote: a third of the points each for being valid, for saying
what it is asked to say, and for coming true.
"""

from __future__ import annotations

from collections.abc import Sequence

from labctl.mark.client import NO_HINT
from labctl.model.exercise import OwnScenarioFile
from labctl.model.grade import Mark, Part, State
from labctl.model.result import AttemptResult, Verdict
from labctl.model.scenario import Scenario

_THIRD = 3


def mark_invalid(name: str, spec: OwnScenarioFile, mistakes: Sequence[str]) -> Part:
    """The part of one that does not load; `mistakes` say where and why."""
    said = "; ".join(mistakes)
    return _part(name, spec, [(False, "the file is valid", said), *_not_tried()])


def _not_tried() -> list[tuple[bool, str, str]]:
    why = "it could not be run"
    return [(False, "it says what it must", why), (False, "it comes true", why)]


def mark_ran(
    name: str, spec: OwnScenarioFile, scenario: Scenario, results: Sequence[AttemptResult]
) -> Part:
    """The part of one that was run."""
    says = says_it(spec, scenario, results)
    failed = [one for one in results if one.verdict is not Verdict.PASS]
    reasons = "; ".join(reason for one in failed for reason in one.reasons[:3])
    asked = f"an attempt that raises {spec.raises}, with `wire`"
    tampered = tuple(
        f"{one.attempt}: the client {what}"
        for one in results
        for what in (one.observed.tampered if one.observed else ())
    )
    marks = [
        (True, "the file is valid", ""),
        (says, "it says what it must", "" if says else f"it needs {asked}"),
        (bool(results) and not failed, "it comes true", reasons),
    ]
    return _part(name, spec, marks, tampered)


def says_it(spec: OwnScenarioFile, scenario: Scenario, results: Sequence[AttemptResult]) -> bool:
    """Whether an attempt that was made expects the exception that is asked for, on the Python that
    it was made on, and says what is on the wire.
    """
    made = {one.attempt: one.python for one in results}
    expected = (one.expectation(made[one.name]) for one in scenario.attempts if one.name in made)
    return any(
        one is not None and spec.raises in (one.raises, one.isa) and one.wire is not None
        for one in expected
    )


def _part(
    name: str,
    spec: OwnScenarioFile,
    found: Sequence[tuple[bool, str, str]],
    tampered: tuple[str, ...] = (),
) -> Part:
    third = round(spec.points / _THIRD, 3)
    worth = (third, third, round(spec.points - 2 * third, 3))
    marks = tuple(
        Mark(
            title=title,
            points=most if holds else 0.0,
            max_points=most,
            expected=title,
            actual="it is so" if holds else message,
            hint="" if spec.hint == NO_HINT else spec.hint,
        )
        for most, (holds, title, message) in zip(worth, found, strict=True)
    )
    return Part(
        name=f"scenario/{name}",
        kind="scenario",
        title=f"{spec.file}: a scenario that raises {spec.raises}",
        bonus=spec.bonus,
        state=State.TAMPERED if tampered else State.GRADED,
        reasons=tampered,
        marks=marks,
    )
