"""What a student may see of a grade: the rest is taken out here, before anything is written.

All that is written for students is made of `for_student`, so that no writer can forget.
"""

from __future__ import annotations

from labctl.model.grade import Grade, Mark, Part, State
from labctl.report.grades.words import points

_HIDDEN = {
    "predict": "A hidden question",
    "client": "A hidden run",
    "scenario": "A hidden scenario",
}
LOOKED_AT = "A person will look at this."
BROKE = "The lab broke. That is not your doing, and costs no points."


def for_student(grade: Grade) -> Grade:
    """The grade without contents of hidden parts, and without how tampering was found."""
    tells = grade.state in (State.GRADED, State.REFUSED)
    return grade.model_copy(
        update={
            "message": grade.message if tells else "",
            "parts": tuple(_seen(part) for part in grade.parts),
        }
    )


def _seen(part: Part) -> Part:
    if part.hidden:
        return _sealed(part)
    if part.state is State.GRADED:
        return part.model_copy(update={"reasons": (), "evidence": "", "capture": ""})
    # What was observed would show what gave the tampering away.
    bare = tuple(
        Mark(title=mark.title, points=mark.points, max_points=mark.max_points)
        for mark in part.marks
    )
    return Part(
        name=part.name,
        kind=part.kind,
        title=part.title,
        bonus=part.bonus,
        state=part.state,
        marks=() if part.state is State.ERROR else bare,
    )


def _sealed(part: Part) -> Part:
    title = _HIDDEN[part.kind]
    total = Mark(title=title, points=part.points, max_points=part.max_points)
    return Part(
        name="hidden", kind=part.kind, title=title, hidden=True, bonus=part.bonus, marks=(total,)
    )


def headline(grade: Grade) -> str:
    """The points, where there are any."""
    return points(grade.points, grade.max_points) if grade.gradable else "not graded"


def explained(grade: Grade) -> list[str]:
    """Sentences for the student about how grading ended, and what to do."""
    if grade.state is State.REFUSED:
        return [
            "What you handed in could not be graded.",
            *([grade.message] if grade.message else []),
            "Put this right, and hand it in again.",
        ]
    if grade.state is State.TAMPERED:
        return [LOOKED_AT]
    if grade.state is State.ERROR:
        return [BROKE, "Your teacher can have it graded again."]
    return [grade.message] if grade.message else []


def remark(part: Part) -> str:
    """A sentence for the student about a part that was not simply graded."""
    return {State.TAMPERED: LOOKED_AT, State.ERROR: BROKE}.get(part.state, "")
