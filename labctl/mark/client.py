"""Marks of one run of a student's program."""

from __future__ import annotations

from collections.abc import Sequence

from labctl.mark.evidence import RunEvidence
from labctl.mark.rules import Finding, apply_rule
from labctl.model.exercise import Check, Run
from labctl.model.grade import GradeState, Mark, Part
from labctl.model.result import Outcome

NO_HINT = "-"
"""The `hint` of an exercise that has none."""


def mark_run(run: Run, evidence: RunEvidence) -> Part:
    """Return the marks of a run that was made.

    A run that never tried to reach its target has no points: it proves nothing by what it did not
    do.
    """
    findings = [apply_rule(check, evidence) for check in run.spec.checks]
    doubts = tuple(_doubts(evidence, findings))
    marks = tuple(map(_mark, run.spec.checks, findings))
    if not evidence.has_tried_target():
        reason = "it never tried to reach its target"
        marks = tuple(mark.model_copy(update={"points": 0.0, "actual": reason}) for mark in marks)
    return _part(
        run,
        marks,
        GradeState.TAMPERED if doubts else GradeState.GRADED,
        doubts,
        elapsed_s=round(evidence.took_s, 3),
        stdout=evidence.observation.stdout,
        stderr=evidence.observation.stderr,
    )


def mark_unmade_run(run: Run, state: GradeState, reason: str) -> Part:
    """Return the part of a run that could not be made: no points, and the reason."""
    marks = tuple(
        Mark(title=_title(check), points=0, max_points=check.points, actual=reason)
        for check in run.spec.checks
    )
    return _part(run, marks, state, (reason,))


def _part(
    run: Run,
    marks: tuple[Mark, ...],
    state: GradeState,
    reasons: tuple[str, ...],
    *,
    elapsed_s: float = 0.0,
    stdout: str = "",
    stderr: str = "",
) -> Part:
    """Return the part of a run with its marks; `reasons` say why the state is not `graded`."""
    return Part(
        name=run.name,
        kind="client",
        title=run.spec.title,
        hidden=run.spec.hidden,
        bonus=run.spec.bonus,
        state=state,
        reasons=reasons,
        marks=marks,
        elapsed_s=elapsed_s,
        stdout=stdout,
        stderr=stderr,
    )


def _doubts(evidence: RunEvidence, findings: Sequence[Finding]) -> list[str]:
    """Return the reasons why the client's report can't be true, each once."""
    observation = evidence.observation
    doubts = [f"the program {what}" for what in observation.tampered]
    if observation.outcome is Outcome.GARBLED:
        doubts.append("what came out of the program's container was not a report")
    doubts += [finding.doubt for finding in findings if finding.doubt]
    return list(dict.fromkeys(doubts))


def _title(check: Check) -> str:
    """Return the words for a check's rule."""
    return check.rule.replace("_", " ")


def _mark(check: Check, finding: Finding) -> Mark:
    """Return the mark of a check. A finding that is in doubt has no points."""
    is_believed = finding.holds and not finding.doubt
    return Mark(
        title=finding.expected,
        points=check.points if is_believed else 0.0,
        max_points=check.points,
        expected=finding.expected,
        actual=finding.actual,
        message=finding.doubt,
        hint="" if check.hint == NO_HINT else check.hint,
    )
