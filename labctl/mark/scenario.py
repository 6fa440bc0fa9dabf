"""Marks of a scenario that a student wrote.

One third of the points is for a valid file, one for expecting what the exercise asks for, and one
if the expectation comes true.
"""

from __future__ import annotations

from collections.abc import Sequence

from labctl.mark.client import NO_HINT
from labctl.model.exercise import OwnScenarioFile
from labctl.model.grade import GradeState, Mark, Part
from labctl.model.result import AttemptResult, Verdict
from labctl.model.scenario import Scenario

_THIRD = 3


def mark_invalid(name: str, spec: OwnScenarioFile, mistakes: Sequence[str]) -> Part:
    """Return the part of a scenario that does not load; `mistakes` say where and why."""
    marks = [(False, "the file is valid", "; ".join(mistakes)), *_not_run()]
    return _part(name, spec, marks)


def _not_run() -> list[tuple[bool, str, str]]:
    """Return the checks of a scenario that could not be run: none holds."""
    reason = "it could not be run"
    return [(False, "it says what it must", reason), (False, "it comes true", reason)]


def mark_scenario(
    name: str, spec: OwnScenarioFile, scenario: Scenario, results: Sequence[AttemptResult]
) -> Part:
    """Return the part of a scenario that was run, with the results of its attempts."""
    is_as_asked = _is_as_asked(spec, scenario, results)
    failed = [one for one in results if one.verdict is not Verdict.PASS]
    reasons = "; ".join(reason for one in failed for reason in one.reasons[:3])
    asked = f"an attempt that raises {spec.raises}, with `wire`"
    tampered = tuple(
        f"{one.attempt}: the client {what}"
        for one in results
        for what in (one.observed.tampered if one.observed else ())
    )
    starved = [one for one in failed if one.verdict is Verdict.INCONCLUSIVE and one.made_again]
    # What fails for another reason has failed, whatever became of the rest.
    is_untold = is_as_asked and bool(failed) and len(starved) == len(failed)
    busy = tuple(one.reasons[0] for one in starved) if is_untold else ()
    marks = [
        (True, "the file is valid", ""),
        (is_as_asked, "it says what it must", "" if is_as_asked else f"it needs {asked}"),
        (bool(results) and not failed, "it comes true", reasons),
    ]
    if tampered:
        return _part(name, spec, marks, GradeState.TAMPERED, tampered)
    return _part(name, spec, marks, GradeState.INCONCLUSIVE if busy else GradeState.GRADED, busy)


def _is_as_asked(
    spec: OwnScenarioFile, scenario: Scenario, results: Sequence[AttemptResult]
) -> bool:
    """Tell whether an attempt that was made expects what the exercise asks for.

    On its Python, it must expect the exception that is asked for, and have `wire`.
    """
    pythons = {one.attempt: one.python for one in results}
    expectations = (
        one.expectation(pythons[one.name]) for one in scenario.attempts if one.name in pythons
    )
    return any(
        one is not None and spec.raises in (one.raises, one.isa) and one.wire is not None
        for one in expectations
    )


def _part(
    name: str,
    spec: OwnScenarioFile,
    thirds: Sequence[tuple[bool, str, str]],
    state: GradeState = GradeState.GRADED,
    reasons: tuple[str, ...] = (),
) -> Part:
    """Return a part with three marks; `thirds` are whether each holds, a title and a message.
    `reasons` say why the state is not `graded`.
    """
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
        for most, (holds, title, message) in zip(worth, thirds, strict=True)
    )
    return Part(
        name=f"scenario/{name}",
        kind="scenario",
        title=f"{spec.file}: a scenario that raises {spec.raises}",
        bonus=spec.bonus,
        state=state,
        reasons=reasons,
        marks=marks,
    )
