"""`results.json` for Gradescope.

The format: https://gradescope-autograders.readthedocs.io/en/latest/specs/
"""

from __future__ import annotations

import json
from typing import Any

from labctl.model.grade import Grade, Mark, Part
from labctl.report.grades.student import headline, part_remark, student_sentences, student_view
from labctl.report.grades.wording import first_missed_mark, format_points, mark_text, run_text
from labctl.text import escape_control


def results_json(grade: Grade) -> str:
    """Return `results.json`. Give the assignment in Gradescope as many points as the exercise."""
    view = student_view(grade)
    document: dict[str, Any] = {
        "execution_time": round(grade.elapsed_s, 1),
        "output": _summary(view),
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
            for number, (part, shown) in enumerate(zip(grade.parts, view.parts, strict=True), 1)
            for test in _tests(number, part if part.hidden else shown)
        ]
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _summary(grade: Grade) -> str:
    """Return a grade in a few lines."""
    # Where a test is hidden, Gradescope shows the student no total; so this says it.
    lines = [headline(grade)]
    lines += [escape_control(text, limit=1000) for text in student_sentences(grade)]
    if grade.gradable:
        lines += [_part_line(part) for part in grade.parts]
    return "\n".join(lines)


def _part_line(part: Part) -> str:
    """Return a part's title and points."""
    points = format_points(part.points, 0 if part.bonus else part.max_points)
    return f"{escape_control(part.title, limit=200)}: {points}{' (bonus)' if part.bonus else ''}"


def _extra(grade: Grade) -> dict[str, str]:
    """Return what Gradescope has no field for."""
    return {
        "labctl": grade.labctl,
        "exercise": grade.exercise,
        "exercise_digest": grade.exercise_digest,
        "digest": grade.digest,
        "state": grade.state.value,
    }


def _score(value: float) -> float:
    """Return points as Gradescope takes them: not negative."""
    return round(max(value, 0.0), 4)


def _tests(number: int, part: Part) -> list[dict[str, Any]]:
    """Return a part's marks as Gradescope's tests."""
    return [_test(f"{number}.{place}", part, mark) for place, mark in enumerate(part.marks, 1)]


def _test(number: str, part: Part, mark: Mark) -> dict[str, Any]:
    """Return a mark as one of Gradescope's tests."""
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
    """Return what a student reads about a mark."""
    paragraphs = [mark_text(mark), part_remark(part)]
    if mark is first_missed_mark(part):
        paragraphs.append(run_text(part))
    return "\n\n".join(text for text in paragraphs if text)
