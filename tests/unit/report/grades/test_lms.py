"""Worksheets for Moodle and Canvas."""

from __future__ import annotations

import pytest

from labctl.model.grade import Grade
from labctl.report.grades.lms import Person, canvas_csv, csv_cell, moodle_csv
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
    STATES,
    TAMPERING,
    classroom,
    grade,
    hostile,
)

GRADES = classroom(*STATES)


def test_moodle_takes_a_grade_for_each() -> None:
    rows = readers.moodle(moodle_csv(classroom(FULL, REFUSED, TAMPERING)), FULL.max_points)
    assert [(row.who, row.grade) for row in rows] == [("ada", 5), ("ada", 0), ("ada", 2)]


@pytest.mark.parametrize("lost", [BROKE, BUSY], ids=["broke", "busy"])
def test_a_lab_that_broke_or_was_too_busy_leaves_the_grade_as_it_is(lost: Grade) -> None:
    (row,) = readers.moodle(moodle_csv(classroom(lost)), 7)
    assert row.grade is None
    assert "costs no points" in row.comment
    assert "dockerd" not in row.comment
    (cells,) = readers.canvas(canvas_csv(classroom(lost))).rows
    assert cells[4] is None


def test_a_bonus_beyond_the_maximum_does_not_cost_the_grade_in_moodle() -> None:
    best = grade(PREDICT, BONUS)
    (row,) = readers.moodle(moodle_csv(classroom(best)), 1)
    assert row.grade == 1
    assert row.comment.startswith("2 of 1 point")
    (cells,) = readers.canvas(canvas_csv(classroom(best))).rows
    assert cells[4] == "2"


def test_comments_tell_what_was_missed_but_nothing_hidden_and_nothing_of_tampering() -> None:
    (row,) = readers.moodle(moodle_csv(classroom(grade(RUN, HIDDEN))), 6)
    assert "observed: 1 try" in row.comment
    assert "A hidden run: 2 of 3 points" in row.comment
    assert "hung" not in row.comment
    (row,) = readers.moodle(moodle_csv(classroom(TAMPERING)), 7)
    assert "A person will look at this." in row.comment
    assert "disagree" not in row.comment
    assert "1 try" not in row.comment


def test_moodle_knows_students_by_their_number() -> None:
    folder = grade(RUN, submission="Ada Lovelace_12345_assignsubmission_file_/client.py")
    assert readers.moodle(moodle_csv(classroom(folder)), 7)[0].who == "12345"
    people = {"ada": Person(moodle="77", email="ada@example.com")}
    text = moodle_csv(classroom(folder), people)
    assert readers.moodle(text, 7)[0].who == "77"
    assert "ada@example.com" in text


def test_a_name_with_accents_survives_excel() -> None:
    assert moodle_csv(GRADES).startswith("\ufeffIdentifier,")
    assert canvas_csv(GRADES).startswith("Student,")


def test_canvas_takes_a_grade_for_each() -> None:
    book = readers.canvas(canvas_csv(classroom(FULL, REFUSED)))
    assert (book.assignment, book.number, book.possible) == ("Try again", None, 7)
    # Never an ID that we do not know: it may be that of somebody else.
    assert book.rows == [
        ("Ada Lovelace", "", "ada", "ada", "5"),
        ("Ada Lovelace", "", "ada", "ada", "0"),
    ]


def test_canvas_can_be_told_who_is_who_and_which_assignment() -> None:
    people = {"ada": Person(canvas="9", sis="S9", login="al", section="A")}
    book = readers.canvas(canvas_csv(classroom(FULL), people, assignment=42))
    assert (book.assignment, book.number) == ("Try again", 42)
    assert book.rows[0][:4] == ("Ada Lovelace", "9", "S9", "al")


@pytest.mark.parametrize("title", ["Final Score", "Ports (2)", "Override Status", "=1", "a\nb"])
def test_whatever_the_exercise_is_called_canvas_keeps_its_column(title: str) -> None:
    grades = GRADES.model_copy(update={"title": title})
    book = readers.canvas(canvas_csv(grades))
    assert book.number is None
    assert book.assignment.lower().startswith(csv_cell(title).lower()[:5])
    assert readers.canvas(canvas_csv(grades, assignment=42)).number == 42


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_students_are_called_stays_in_its_cell(text: str) -> None:
    bad = hostile(text)
    after = grade(RUN)
    rows = readers.moodle(moodle_csv(classroom(bad, after)), bad.max_points)
    assert [row.grade for row in rows] == [bad.points, after.points]
    assert "<script" not in rows[0].comment
    assert "<img" not in rows[0].comment
    book = readers.canvas(canvas_csv(classroom(bad, after)))
    assert [row[4] for row in book.rows] == ["0", "1"]
    assert book.possible == 7


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Ada", "Ada"),
        ("=1+1", "'=1+1"),
        ("  =1", "'  =1"),
        ("@a", "'@a"),
        ("-", "'-"),
        ("＝1", "'＝1"),  # noqa: RUF001
        ("O'Neil", "O'Neil"),
        ('a "b"', "a 'b'"),
        ("a\\", "a"),
        ("\u202ea", "\\u202ea"),
    ],
)
def test_a_cell_is_text(text: str, written: str) -> None:
    assert csv_cell(text) == written
