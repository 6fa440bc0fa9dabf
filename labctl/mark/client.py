"""Marks of one run of a student's program."""

from __future__ import annotations

from collections.abc import Sequence

from labctl.mark import rules
from labctl.mark.rules import Finding
from labctl.mark.seen import Seen
from labctl.model.exercise import Check, Run
from labctl.model.grade import Mark, Part, State
from labctl.model.result import Outcome

NO_HINT = "-"


def mark_run(run: Run, seen: Seen) -> Part:
    """The marks of a run that was made. One that never went for its target has no points: nothing
    is proved by what it did not do.
    """
    findings = [rules.apply(check, seen) for check in run.spec.checks]
    doubts = tuple(_doubts(seen, findings))
    marks = tuple(map(_mark, run.spec.checks, findings))
    if not seen.tried():
        marks = tuple(nothing(mark, "it never tried to reach its target") for mark in marks)
    return _part(run, marks, doubts, seen)


def unmade(run: Run, state: State, reason: str) -> Part:
    """The part of a run that could not be made: no points, and why."""
    marks = tuple(
        Mark(title=_title(check), points=0, max_points=check.points, actual=reason)
        for check in run.spec.checks
    )
    return Part(
        name=run.name,
        kind="client",
        title=run.spec.title,
        hidden=run.spec.hidden,
        bonus=run.spec.bonus,
        state=state,
        reasons=(reason,),
        marks=marks,
    )


def nothing(mark: Mark, why: str) -> Mark:
    """The mark without its points."""
    return mark.model_copy(update={"points": 0.0, "actual": why})


def _doubts(seen: Seen, findings: Sequence[Finding]) -> list[str]:
    """In which ways the report can't be true, each once."""
    observation = seen.observation
    said = [f"the program {what}" for what in observation.tampered]
    if observation.outcome is Outcome.GARBLED:
        said.append("what came out of the program's container was not a report")
    said += [finding.doubt for finding in findings if finding.doubt]
    return list(dict.fromkeys(said))


def _title(check: Check) -> str:
    return check.rule.replace("_", " ")


def _mark(check: Check, finding: Finding) -> Mark:
    believed = finding.holds and not finding.doubt
    return Mark(
        title=finding.expected,
        points=check.points if believed else 0.0,
        max_points=check.points,
        expected=finding.expected,
        actual=finding.actual,
        message=finding.doubt,
        hint="" if check.hint == NO_HINT else check.hint,
    )


def _part(run: Run, marks: tuple[Mark, ...], doubts: tuple[str, ...], seen: Seen) -> Part:
    return Part(
        name=run.name,
        kind="client",
        title=run.spec.title,
        hidden=run.spec.hidden,
        bonus=run.spec.bonus,
        state=State.TAMPERED if doubts else State.GRADED,
        reasons=doubts,
        marks=marks,
        elapsed_s=round(seen.took_s, 3),
        stdout=seen.observation.stdout,
        stderr=seen.observation.stderr,
    )
