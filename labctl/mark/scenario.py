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
    says = says_it(spec, scenario)
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


def says_it(spec: OwnScenarioFile, scenario: Scenario) -> bool:
    """Whether an attempt expects the exception that is asked for, and says what is on the wire."""
    return any(
        spec.raises in (one.raises, one.isa) and one.wire is not None
        for attempt in scenario.attempts
        for one in attempt.expectations
    )


def _part(
    name: str,
    spec: OwnScenarioFile,
    found: Sequence[tuple[bool, str, str]],
    tampered: tuple[str, ...] = (),
) -> Part:
    third = spec.points / _THIRD
    marks = tuple(
        Mark(
            title=title,
            points=round(third, 3) if holds else 0.0,
            max_points=round(third, 3),
            expected=title,
            actual="it is so" if holds else message,
            message="" if holds else message,
            hint="" if spec.hint == NO_HINT else spec.hint,
        )
        for holds, title, message in found
    )
    return Part(
        name=f"scenario/{name}",
        kind="scenario",
        title=spec.text,
        bonus=spec.bonus,
        state=State.TAMPERED if tampered else State.GRADED,
        reasons=tampered,
        marks=marks,
    )
