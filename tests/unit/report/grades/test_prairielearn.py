"""results.json for PrairieLearn."""

from __future__ import annotations

import pytest

from labctl.model.grade import Grade
from labctl.report.grades.prairielearn import results_json
from tests.unit.report.grades import readers
from tests.unit.report.grades.samples import (
    BONUS,
    BROKE,
    BUSY,
    FULL,
    HIDDEN,
    HOSTILE,
    PREDICT,
    REFUSED,
    RUN,
    TAMPERING,
    grade,
    hostile,
)


def test_the_score_is_a_share_and_each_mark_a_test() -> None:
    found = readers.prairielearn(results_json(grade(PREDICT, RUN)))
    assert found["gradable"] is True
    assert found["score"] == 0.5
    assert found["message"] == "2 of 4 points"
    names = [test["name"] for test in found["tests"]]
    assert names == [
        "Which errno?: errno",
        "Nothing listens: exit code",
        "Nothing listens: three tries",
    ]
    missed = found["tests"][2]
    assert (missed["points"], missed["max_points"]) == (0, 2)
    assert "observed: 1 try" in missed["message"]
    assert "| <-- RST --  |" in missed["output"]
    assert found["tests"][1]["output"] == ""


def test_a_hidden_part_is_one_test_that_tells_nothing() -> None:
    found = readers.prairielearn(results_json(grade(HIDDEN)))
    (test,) = found["tests"]
    assert test == {
        "name": "A hidden run",
        "description": "",
        "points": 2,
        "max_points": 3,
        "message": "",
        "output": "",
    }


def test_a_bonus_counts_no_further_than_all() -> None:
    full = PREDICT
    found = readers.prairielearn(results_json(grade(full, BONUS)))
    assert found["score"] == 1
    assert found["tests"][1]["max_points"] == 0
    assert found["tests"][1]["description"] == "bonus"


def test_what_was_refused_costs_no_attempt_and_says_why() -> None:
    found = readers.prairielearn(results_json(REFUSED))
    assert found["gradable"] is False
    assert "score" not in found
    assert "client.py is missing" in found["format_errors"]


@pytest.mark.parametrize("lost", [BROKE, BUSY], ids=["broke", "busy"])
def test_a_lab_that_broke_or_was_too_busy_costs_nothing(lost: Grade) -> None:
    text = results_json(lost)
    found = readers.prairielearn(text)
    assert found["gradable"] is False
    assert "score" not in found
    assert "dockerd" not in text


def test_tampering_is_left_to_a_person() -> None:
    text = results_json(TAMPERING)
    found = readers.prairielearn(text)
    assert found["gradable"] is True
    assert "A person will look at this." in found["message"]
    for clue in ("disagree", "the wire says", "1 try", "RST", "ConnectionRefused"):
        assert clue not in text


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_students_say_can_be_read(text: str) -> None:
    found = readers.prairielearn(results_json(hostile(text)))
    for test in found["tests"]:
        # PrairieLearn makes HTML of terminal colours: there must be none.
        assert all(char.isprintable() or char == "\n" for char in test["output"] + test["message"])


def test_it_stays_under_a_megabyte() -> None:
    loud = hostile("\U0001f600" * 1_000_000).parts[0]
    many = [loud.model_copy(update={"name": f"client/{n}"}) for n in range(40)]
    assert len(results_json(grade(*many)).encode()) < 1_000_000


def test_little_is_not_cut() -> None:
    assert "…" not in results_json(FULL)
