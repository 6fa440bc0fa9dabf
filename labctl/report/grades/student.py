"""What a student may see of a grade: the rest is taken out here, before anything is written.

Every document for students is made from `student_view`, so that no format can forget it.
"""

from __future__ import annotations

from labctl.judge.starvation import STARVED_S
from labctl.model.grade import Grade, GradeState, Mark, Part
from labctl.report.grades.wording import format_points

_HIDDEN_TITLES = {
    "predict": "A hidden question",
    "client": "A hidden run",
    "scenario": "A hidden scenario",
}
LOOKED_AT = "A person will look at this."
BROKE = "The lab broke. That is not your doing, and costs no points."
BUSY = "The machine was too busy to tell. That is not your doing, and costs no points."


def student_view(grade: Grade) -> Grade:
    """Return the grade without the contents of hidden parts, and without what would tell a student
    how tampering was noticed.
    """
    keeps_message = grade.state in (GradeState.GRADED, GradeState.REFUSED)
    return grade.model_copy(
        update={
            "message": grade.message if keeps_message else "",
            "parts": tuple(_part_view(part) for part in grade.parts),
        }
    )


def _part_view(part: Part) -> Part:
    """Return a part without what its student may not see."""
    if part.hidden:
        return _hidden_part(part)
    if part.state is GradeState.GRADED:
        return part.model_copy(update={"reasons": (), "evidence": "", "capture": ""})
    # What was observed would show how the tampering was noticed.
    marks = tuple(
        Mark(title=mark.title, points=mark.points, max_points=mark.max_points)
        for mark in part.marks
    )
    return Part(
        name=part.name,
        kind=part.kind,
        title=part.title,
        bonus=part.bonus,
        state=part.state,
        marks=marks if part.state.has_points else (),
    )


def _hidden_part(part: Part) -> Part:
    """Return a part of the same points that says nothing else."""
    title = _HIDDEN_TITLES[part.kind]
    total = Mark(title=title, points=part.points, max_points=part.max_points)
    return Part(
        name="hidden", kind=part.kind, title=title, hidden=True, bonus=part.bonus, marks=(total,)
    )


def headline(grade: Grade) -> str:
    """Return `2 of 3 points`, or `not graded`."""
    return format_points(grade.points, grade.max_points) if grade.gradable else "not graded"


def student_sentences(grade: Grade) -> list[str]:
    """Return sentences that tell the student how grading ended, and what to do."""
    if grade.state is GradeState.REFUSED:
        return [
            "What you handed in could not be graded.",
            *([grade.message] if grade.message else []),
            "Put this right, and hand it in again.",
        ]
    if grade.state is GradeState.TAMPERED:
        return [LOOKED_AT]
    if not grade.gradable:
        why = BUSY if grade.state is GradeState.INCONCLUSIVE else BROKE
        return [why, "Your teacher can have it graded again."]
    return [grade.message] if grade.message else []


def part_remark(part: Part) -> str:
    """Return a sentence about a part that was tampered with, or whose lab broke or was busy;
    otherwise "".
    """
    if part.state is GradeState.GRADED and part.starved_s >= STARVED_S:
        return f"The machine was busy: the program waited {part.starved_s:.1f} s for a processor."
    remarks = {
        GradeState.TAMPERED: LOOKED_AT,
        GradeState.INCONCLUSIVE: BUSY,
        GradeState.ERROR: BROKE,
    }
    return remarks.get(part.state, "")
