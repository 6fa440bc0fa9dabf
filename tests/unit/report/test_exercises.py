"""Exercises listed, shown, and told to students: in 80 columns, and nothing that is hidden."""

from __future__ import annotations

from pathlib import Path

import pytest

from labctl.model.exercise import Exercise
from labctl.report.exercises import (
    exercise_json,
    exercise_points,
    exercises_json,
    instructions,
    render_exercise,
    render_exercises,
)
from tests.unit.grading.samples import EXERCISE, load
from tests.unit.load.texts import changed
from tests.unit.report.rendered import text_of


@pytest.fixture
def exercise(tmp_path: Path) -> Exercise:
    return load(tmp_path)


def test_points_are_without_a_bonus_and_with_what_is_hidden(
    tmp_path: Path, exercise: Exercise
) -> None:
    assert exercise_points(exercise) == 23
    own = load(tmp_path, changed(EXERCISE, "    points: 16\n", "    points: 16\n    bonus: true\n"))
    assert exercise_points(own) == 7


def test_the_list(exercise: Exercise) -> None:
    assert text_of(render_exercises([exercise])) == (
        "name   level  points  title\nsmall      1      23  A small one\n\n1 exercise"
    )
    assert text_of(render_exercises([])).splitlines()[-1] == "0 exercises"


def test_a_long_title_stays_in_its_column(tmp_path: Path) -> None:
    long = load(tmp_path, changed(EXERCISE, "A small one", "word " * 30))
    rows = text_of(render_exercises([long])).splitlines()
    assert len(rows) == 6
    assert rows[2].startswith(" " * 22 + "word")


def test_one_is_shown(exercise: Exercise) -> None:
    assert text_of(render_exercise(exercise)).splitlines() == [
        "small  A small one",
        "",
        "Do this.",
        "",
        "hand in: answers.yaml, client.py, my.yaml",
        "",
        "    1  Which?",
        "    4  Nobody listens",
        "   16  my.yaml",
        "    2  in hidden parts",
    ]


def test_a_bonus_says_so(tmp_path: Path) -> None:
    own = load(tmp_path, changed(EXERCISE, "    points: 16\n", "    points: 16\n    bonus: true\n"))
    assert "   16  my.yaml (bonus)" in text_of(render_exercise(own)).splitlines()


def test_texts_flow_and_lists_stay_lists(tmp_path: Path) -> None:
    text = "|\n  " + "\n  ".join(["word " * 12 + "end"] * 2) + "\n\n  - one\n    more\n  - two\n"
    lines = text_of(
        render_exercise(load(tmp_path, changed(EXERCISE, "Do this.", text)))
    ).splitlines()
    assert lines[2].startswith("word ")
    assert len(lines[2]) > 70
    assert "- one" in lines
    assert "- two" in lines


@pytest.mark.parametrize("told", ["show", "json", "instructions"])
def test_what_is_hidden_is_not_told(exercise: Exercise, told: str) -> None:
    said = {
        "show": text_of(render_exercise(exercise)),
        "json": str(exercise_json(exercise)),
        "instructions": instructions(exercise, "small"),
    }[told]
    for hidden in ("Not told", "quiet", "Which number?", "errno", "filtered"):
        assert hidden not in said


def test_as_json(exercise: Exercise) -> None:
    (entry,) = exercises_json([exercise])
    assert entry == {
        "name": "small",
        "title": "A small one",
        "level": 1,
        "points": 23,
        "files": ["answers.yaml", "client.py", "my.yaml"],
    }
    shown = exercise_json(exercise)
    assert shown["text"] == "Do this."
    assert [part["name"] for part in shown["parts"]] == ["which", "tell/refused", "own"]


def test_the_instructions_name_the_limits(tmp_path: Path, exercise: Exercise) -> None:
    assert "You may check" not in instructions(exercise, "small")
    limited = load(tmp_path, changed(EXERCISE, "weight: 2", "limits: {tries: 4, time: 3s}"))
    said = instructions(limited, "small")
    assert "\nEach run may take 3 seconds.\nYou may check 4 times.\n" in said
    assert "\n    labctl check small .\n" in said


def test_nothing_steers_the_terminal(tmp_path: Path) -> None:
    text = changed(EXERCISE, "A small one", '"a \\u202e b"').replace("Which?", "\\u202e")
    one = load(tmp_path, text)
    for shown in (text_of(render_exercise(one)), text_of(render_exercises([one]))):
        assert all(line.isprintable() for line in shown.splitlines())
