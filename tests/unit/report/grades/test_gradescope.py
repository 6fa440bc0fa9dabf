"""results.json for Gradescope."""

from __future__ import annotations

import pytest

from labctl.model.grade import Grade
from labctl.report.grades.gradescope import results_json
from labctl.text import REST_DROPPED
from tests.unit.report.grades import readers
from tests.unit.report.grades.samples import (
    BONUS,
    BROKE,
    BUSY,
    FULL,
    HIDDEN,
    HOSTILE,
    REFUSED,
    RUN,
    TAMPERING,
    grade,
    hostile,
)
from tests.unit.report.kept import kept_output


def test_there_is_a_test_for_each_mark() -> None:
    found = readers.gradescope(results_json(FULL))
    assert found["score"] == 5
    assert found["execution_time"] == 2.5
    tests = {test["number"]: test for test in found["tests"]}
    assert list(tests) == ["1.1", "2.1", "2.2", "3.1", "3.2", "4.1"]
    assert tests["2.1"]["status"] == "passed"
    missed = tests["2.2"]
    assert (missed["name"], missed["score"], missed["max_score"], missed["status"]) == (
        "Nothing listens: three tries",
        0,
        2,
        "failed",
    )
    assert missed["tags"] == ["client"]
    assert missed["output"].startswith(
        "expected: 3 tries\nobserved: 1 try\nwhy: it gave up after the first\nhint: RFC"
    )
    assert "   | <-- RST --  |" in missed["output"]
    assert "ConnectionRefusedError" in missed["output"]


def test_nothing_is_hinted_at_where_all_points_were_scored() -> None:
    part = RUN.model_copy(
        update={"marks": (RUN.marks[0].model_copy(update={"hint": "HINT"}),), "stdout": "OUTPUT"}
    )
    text = results_json(grade(part))
    assert "HINT" not in text
    assert "OUTPUT" not in text


def test_a_hidden_part_is_never_shown_but_its_points_are_told() -> None:
    text = results_json(grade(RUN, HIDDEN))
    tests = readers.gradescope(text)["tests"]
    assert [test["visibility"] for test in tests] == ["visible", "visible", "hidden", "hidden"]
    assert tests[3]["output"] == "why: it hung\nhint: timeout="
    shown = readers.shown_by_gradescope(text)
    assert "A hidden run: 2 of 3 points" in shown
    assert "3 of 6 points" in shown
    assert "slow" not in shown


def test_a_bonus_scores_beyond_the_maximum() -> None:
    found = readers.gradescope(results_json(grade(RUN, BONUS)))
    assert sum(test["max_score"] for test in found["tests"]) == 3
    assert found["tests"][2]["score"] == 1
    assert found["tests"][2]["tags"] == ["client", "bonus"]
    assert "IPv6: 1 point (bonus)" in found["output"]


@pytest.mark.parametrize("lost", [BROKE, BUSY], ids=["broke", "busy"])
def test_a_lab_that_broke_or_was_too_busy_has_no_score_at_all(lost: Grade) -> None:
    text = results_json(lost)
    with pytest.raises(readers.Failed):
        readers.gradescope(text)
    assert "costs no points" in readers.shown_by_gradescope(text)
    assert "dockerd" not in text


def test_what_was_refused_has_no_points_and_says_why() -> None:
    found = readers.gradescope(results_json(REFUSED))
    assert found["score"] == 0
    assert "client.py is missing" in found["output"]


def test_tampering_is_left_to_a_person() -> None:
    text = results_json(TAMPERING)
    found = readers.gradescope(text)
    assert found["score"] == TAMPERING.points
    assert "A person will look at this." in found["output"]
    for clue in ("disagree", "the wire says", "1 try", "RST", "ConnectionRefused"):
        assert clue not in text


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_students_say_is_plain_text(text: str) -> None:
    found = readers.gradescope(results_json(hostile(text)))
    for one in [found, *found["tests"]]:
        assert one["output_format"] == "text"
        assert all(char.isprintable() or char == "\n" for char in one["output"])
        assert one.get("name", "").isprintable()


def test_much_output_is_cut() -> None:
    part = RUN.model_copy(update={"stdout": "\n" * 500_000 + "x" * 500_000})
    text = results_json(grade(part))
    assert len(text) < 40_000
    assert "and 992000 more characters" in text


def test_more_characters_are_counted_only_if_none_was_dropped() -> None:
    for output in ("x" * 9000 + f"\n{REST_DROPPED}", kept_output("x" * 500_000)):
        text = results_json(grade(RUN.model_copy(update={"stdout": output})))
        assert "\\n… and more\\n" in text
        assert "more characters" not in text


def test_points_are_never_negative_and_have_no_rounding_in_them() -> None:
    found = readers.gradescope(results_json(grade(RUN, points=0.1 + 0.2)))
    assert found["score"] == 0.3
    assert readers.gradescope(results_json(grade(RUN, points=-1)))["score"] == 0
