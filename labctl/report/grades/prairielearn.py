"""`results.json` for PrairieLearn's external graders.

The format: https://prairielearn.readthedocs.io/en/latest/externalGrading/#grading-results
"""

from __future__ import annotations

import json
from typing import Any

from labctl.model.grade import Grade, Mark, Part, State
from labctl.report.grades.student import explained, for_student, headline, remark
from labctl.report.grades.words import first_missed, plain, plain_run
from labctl.text import escape_control

LIMIT = 1_000_000
"""What PrairieLearn takes of the document, in octets."""


def results_json(grade: Grade) -> str:
    """The document, of less than a megabyte; all of it is shown to the student."""
    seen = for_student(grade)
    text = ""
    for most in (8000, 1000, 200, 40):
        text = json.dumps(_document(seen, most), indent=2, ensure_ascii=False, allow_nan=False)
        if len(text.encode()) < LIMIT:
            break
    return text + "\n"


def _document(grade: Grade, most: int) -> dict[str, Any]:
    sentences = [escape_control(sentence, limit=most) for sentence in explained(grade)]
    # Not gradable costs the student no attempt. That is so of a lab that broke, and of what
    # cannot be read: PrairieLearn means it for invalid submissions.
    if grade.state in (State.ERROR, State.REFUSED):
        return {"gradable": False, "format_errors": sentences, "message": " ".join(sentences)}
    return {
        "gradable": True,
        "score": round(min(max(grade.score, 0.0), 1.0), 6),
        "message": "\n".join([headline(grade), *sentences]),
        "output": "",
        "tests": [_test(part, mark, most) for part in grade.parts for mark in part.marks],
    }


def _test(part: Part, mark: Mark, most: int) -> dict[str, Any]:
    name = part.title if part.hidden else f"{part.title}: {mark.title}"
    return {
        "name": escape_control(name, limit=min(most, 200)),
        "description": "bonus" if part.bonus else "",
        "points": round(mark.points, 4),
        "max_points": 0 if part.bonus else round(mark.max_points, 4),
        "message": "\n".join(filter(None, [plain(mark, most), remark(part)])),
        "output": plain_run(part, most) if mark is first_missed(part) else "",
    }
