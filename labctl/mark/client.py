"""Marks of one run of a student's program."""

from __future__ import annotations

from collections.abc import Sequence

from labctl.judge.starvation import hangs, is_late_by_starvation, is_starved
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
        starved_s=round(evidence.observation.starved_s, 3),
        stdout=evidence.observation.stdout,
        stderr=evidence.observation.stderr,
    )


def may_be_starved(run: Run, evidence: RunEvidence, part: Part) -> bool:
    """Tell whether the program may have lost points because the machine was too busy. One that
    tampered, sent too much, or was still running after all its time, lost them itself.
    """
    is_own_doing = part.state is GradeState.TAMPERED or evidence.is_incomplete
    if is_own_doing or hangs(evidence.observation):
        return False
    lost = [check for check, mark in zip(run.spec.checks, part.marks, strict=True) if not mark.full]
    return any(_may_be_late(check, evidence) for check in lost)


def _may_be_late(check: Check, evidence: RunEvidence) -> bool:
    """Tell whether a check may have failed because the program was late."""
    observation = evidence.observation
    if check.elapsed is not None:
        # Outside of the client's container, others waited for processors, too.
        return is_late_by_starvation(
            observation,
            took_s=evidence.took_s,
            inside_s=observation.process_s or evidence.took_s,
            most_s=check.elapsed.max,
        )
    return check.secret is None and is_starved(observation)


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
    starved_s: float = 0.0,
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
        starved_s=starved_s,
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
