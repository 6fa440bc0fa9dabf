"""`results.json` for Gradescope.

The format: https://gradescope-autograders.readthedocs.io/en/latest/specs/
"""

from __future__ import annotations

import json
from typing import Any

from labctl.model.grade import Grade, Mark, Part
from labctl.report.grades.student import explained, for_student, headline, remark
from labctl.report.grades.words import first_missed, plain, plain_run, points
from labctl.text import escape_control


def results_json(grade: Grade) -> str:
    """The document; the assignment's points in Gradescope should be the exercise's."""
    seen = for_student(grade)
    document: dict[str, Any] = {
        "execution_time": round(grade.elapsed_s, 1),
        "output": _summary(seen),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "extra_data": _extra(grade),
    }
    # Without a score, and without tests, Gradescope takes the autograder to have failed: the
    # submission has no score, rather than 0, and a teacher can run it again.
    if grade.gradable:
        document["score"] = _score(grade.points)
        document["tests"] = [
            test
            for number, (part, shown) in enumerate(zip(grade.parts, seen.parts, strict=True), 1)
            for test in _tests(number, part if part.hidden else shown)
        ]
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _summary(grade: Grade) -> str:
    # Where a test is hidden, Gradescope shows the student no total; so this says it.
    lines = [headline(grade), *(escape_control(text, limit=1000) for text in explained(grade))]
    if grade.gradable:
        lines += [
            f"{escape_control(part.title, limit=200)}: {_worth(part)}" for part in grade.parts
        ]
    return "\n".join(lines)


def _worth(part: Part) -> str:
    said = points(part.points, 0 if part.bonus else part.max_points)
    return f"{said} (bonus)" if part.bonus else said


def _extra(grade: Grade) -> dict[str, str]:
    return {
        "labctl": grade.labctl,
        "exercise": grade.exercise,
        "exercise_digest": grade.exercise_digest,
        "digest": grade.digest,
        "state": grade.state.value,
    }


def _score(value: float) -> float:
    return round(max(value, 0.0), 4)


def _tests(number: int, part: Part) -> list[dict[str, Any]]:
    return [_test(f"{number}.{place}", part, mark) for place, mark in enumerate(part.marks, 1)]


def _test(number: str, part: Part, mark: Mark) -> dict[str, Any]:
    return {
        "name": escape_control(f"{part.title}: {mark.title}", limit=200),
        "number": number,
        "score": _score(mark.points),
        # Extra credit is what is scored beyond the points that there are.
        "max_score": 0.0 if part.bonus else _score(mark.max_points),
        "status": "passed" if mark.full else "failed",
        "output": _output(part, mark),
        "output_format": "text",
        # Not `after_published`: the exercise may be handed out again.
        "visibility": "hidden" if part.hidden else "visible",
        "tags": [part.kind, "bonus"] if part.bonus else [part.kind],
    }


def _output(part: Part, mark: Mark) -> str:
    said = [plain(mark), remark(part)]
    if mark is first_missed(part):
        said.append(plain_run(part))
    return "\n\n".join(text for text in said if text)
