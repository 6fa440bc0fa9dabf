"""Marks in a terminal: a student's own, and a class's."""

from __future__ import annotations

from pathlib import Path

import pytest

from labctl.model.grade import Grade, GradeState
from labctl.report.grades.terminal import render_class, render_grade
from tests.unit.report.grades.samples import (
    BONUS,
    BROKE,
    FULL,
    HOSTILE,
    MISSED,
    PREDICT,
    REFUSED,
    RUN,
    TAMPERED,
    TAMPERING,
    grade,
    hostile,
    mark,
)
from tests.unit.report.rendered import text_of


def told(one: Grade, *, tried: int = 1, most: int | None = None) -> list[str]:
    return text_of(render_grade(one, tries=tried, tries_limit=most)).splitlines()


def test_what_went_well_is_a_line_and_what_did_not_says_why() -> None:
    assert told(grade(PREDICT, RUN, BONUS), tried=2, most=5) == [
        "✔     1/1  Which errno?",
        "✘     1/3  Nothing listens",
        "           ✔ exit code 0",
        "           ✘ 3 tries",
        "             1 try",
        "             hint: RFC 5321, 4.5.4.1, on trying again",
        "✔     1/1  IPv6 (bonus)",
        "",
        "3 of 4 points, try 2 of 5",
    ]


def test_without_a_limit_and_without_a_hint() -> None:
    bare = RUN.model_copy(update={"marks": (MISSED.model_copy(update={"hint": ""}),)})
    assert told(grade(bare)) == [
        "✘     0/2  Nothing listens",
        "           ✘ 3 tries",
        "             1 try",
        "",
        "0 of 2 points, try 1",
    ]


def test_reasons_are_told() -> None:
    lines = told(grade(TAMPERED))
    assert "           the report says 3, the wire says 1" in lines


def test_a_message_is_told() -> None:
    assert told(REFUSED) == ["client.py is missing", "", "", "0 of 7 points, try 1"]
    assert "dockerd: no space left" in told(BROKE)


def test_points_may_be_parts_of_one() -> None:
    one = RUN.model_copy(update={"marks": (mark("m", 1.333, 2),)})
    assert told(grade(one))[0] == "✘ 1.333/2  Nothing listens"


def test_long_words_stay_under_each_other() -> None:
    said = mark("x", 0, 1, expected="word " * 30, actual="w" * 200, hint="hint " * 30)
    lines = told(grade(RUN.model_copy(update={"marks": (said,)})))[1:-2]
    assert len(lines) > 6
    assert all(line.startswith(" " * 11) for line in lines)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_steers_the_terminal(text: str) -> None:
    one = hostile(text)
    for shown in (
        text_of(render_grade(one, tries=1, tries_limit=None)),
        text_of(render_class([one.model_copy(update={"state": GradeState.REFUSED})], Path("out"))),
    ):
        assert all(line.isprintable() for line in shown.splitlines())


def test_a_class() -> None:
    found = [FULL, REFUSED, TAMPERING, BROKE]
    assert text_of(render_class(found, Path("out"))).splitlines() == [
        "4 submissions: 1 graded, 1 refused, 1 to be looked at, 1 not graded: the lab",
        "broke",
        "median 2 of 7 points",
        "refused: ada: client.py is missing",
        "to be looked at: ada: report and wire of client/refused disagree",
        "see out/index.html",
    ]


def test_the_reasons_of_parts_are_told_where_the_grade_says_nothing() -> None:
    one = TAMPERING.model_copy(update={"message": ""})
    assert "to be looked at: ada: the report says 3, the wire says 1" in text_of(
        render_class([one], Path("out"))
    )


def test_the_median_is_of_those_that_have_marks() -> None:
    some = [grade(points=n, max_points=10) for n in (1, 2, 9)]
    assert "median 2 of 10 points" in text_of(render_class([*some, BROKE], Path("out")))
    assert "median" not in text_of(render_class([BROKE], Path("out")))
