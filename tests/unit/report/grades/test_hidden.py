"""What is hidden is in nothing that a student may see."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.model.grade import Grade, GradeState, Part
from labctl.report.grades import feedback, gradescope, prairielearn
from labctl.report.grades.class_page import class_html
from labctl.report.grades.lms import canvas_csv, moodle_csv
from labctl.report.grades.student import student_view
from tests.unit.report.grades import readers
from tests.unit.report.grades.samples import (
    BONUS,
    BROKEN,
    HIDDEN,
    PREDICT,
    RUN,
    TAMPERED,
    classroom,
    grade,
    marked,
)

WRITERS: dict[str, Callable[[Grade], str]] = {
    "gradescope": lambda g: readers.shown_by_gradescope(gradescope.results_json(g)),
    "prairielearn": prairielearn.results_json,
    "markdown": feedback.feedback_markdown,
    "html": feedback.feedback_html,
    "moodle": lambda g: moodle_csv(classroom(g)),
    "canvas": lambda g: canvas_csv(classroom(g)),
    "student": lambda g: student_view(g).model_dump_json(),
}
MARKER = "Zq7hidden"
PARTS = st.sampled_from([RUN, HIDDEN, BONUS, PREDICT, TAMPERED, BROKEN])


def secret(part: Part) -> Part:
    return marked(part.model_copy(update={"hidden": True}), MARKER)


@pytest.mark.parametrize("name", WRITERS)
@given(
    st.lists(PARTS, max_size=3),
    st.lists(PARTS, min_size=1, max_size=3),
    st.sampled_from(GradeState),
)
def test_nothing_hidden_is_shown(
    name: str, seen: list[Part], hidden: list[Part], state: GradeState
) -> None:
    made: Grade = grade(*seen, *map(secret, hidden), state=state)
    written = WRITERS[name](made)
    # Markdown may have a backslash before a hyphen, so the marker has none.
    assert MARKER not in written
    assert written


def test_the_marker_is_where_it_may_be() -> None:
    made = grade(secret(RUN))
    assert f"{MARKER}-title" in gradescope.results_json(made)
    assert f"{MARKER}-message" in class_html(classroom(made))
    shown = grade(marked(RUN, MARKER))
    for name in ("gradescope", "prairielearn", "markdown", "html", "moodle", "student"):
        assert MARKER in WRITERS[name](shown)


@pytest.mark.parametrize("name", WRITERS)
def test_nothing_tells_how_tampering_was_found(name: str) -> None:
    part = marked(TAMPERED, MARKER)
    marks = tuple(one.model_copy(update={"title": "t"}) for one in part.marks)
    made = grade(
        part.model_copy(update={"name": "n", "title": "t", "marks": marks}),
        state=GradeState.TAMPERED,
        message=MARKER,
    )
    assert MARKER not in WRITERS[name](made)
