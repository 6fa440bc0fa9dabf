"""`results.json` for PrairieLearn's external graders.

The format: https://prairielearn.readthedocs.io/en/latest/externalGrading/#grading-results
"""

from __future__ import annotations

import json
from typing import Any

from labctl.model.grade import Grade, GradeState, Mark, Part
from labctl.report.grades.student import headline, part_remark, student_sentences, student_view
from labctl.report.grades.wording import first_missed_mark, mark_text, run_text
from labctl.text import escape_control

LIMIT = 1_000_000
"""Bytes of the document that PrairieLearn accepts."""


def results_json(grade: Grade) -> str:
    """Return `results.json`, with texts cut as much as it takes to stay below `LIMIT`.

    PrairieLearn shows all of it to the student.
    """
    view = student_view(grade)
    text = ""
    for limit in (8000, 1000, 200, 40):
        text = json.dumps(_document(view, limit), indent=2, ensure_ascii=False, allow_nan=False)
        if len(text.encode()) < LIMIT:
            break
    return text + "\n"


def _document(grade: Grade, limit: int) -> dict[str, Any]:
    """Return a grade as PrairieLearn's result."""
    sentences = [escape_control(sentence, limit=limit) for sentence in student_sentences(grade)]
    # Not gradable costs the student no attempt. That is so of a lab that broke or was too busy, and
    # of what cannot be read: PrairieLearn means it for invalid submissions.
    if not grade.gradable or grade.state is GradeState.REFUSED:
        return {"gradable": False, "format_errors": sentences, "message": " ".join(sentences)}
    return {
        "gradable": True,
        "score": round(min(max(grade.score, 0.0), 1.0), 6),
        "message": "\n".join([headline(grade), *sentences]),
        "output": "",
        "tests": [_test(part, mark, limit) for part in grade.parts for mark in part.marks],
    }


def _test(part: Part, mark: Mark, limit: int) -> dict[str, Any]:
    """Return a mark as one of PrairieLearn's tests."""
    name = part.title if part.hidden else f"{part.title}: {mark.title}"
    return {
        "name": escape_control(name, limit=min(limit, 200)),
        "description": "bonus" if part.bonus else "",
        "points": round(mark.points, 4),
        "max_points": 0 if part.bonus else round(mark.max_points, 4),
        "message": "\n".join(filter(None, [mark_text(mark, limit), part_remark(part)])),
        "output": run_text(part, limit) if mark is first_missed_mark(part) else "",
    }
