"""The exercises on the engine: every answer gets what its author expects, each time; and whatever
kills `labctl grade`, --resume comes to the same grades.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.labs.conftest import JOBS, Done, cases, labctl
from tests.unit.report.grades import readers

ANSWERS = Path(__file__).parents[2] / "answers"
EXERCISES = ("reading-the-stack", "tell-them-apart", "mail-once")
TIMES = int(os.environ.get("LAB_TEST_TIMES", "20"))
"""How often each answer is handed in, each time by somebody else; in the default run, once."""
KILLS = int(os.environ.get("LAB_TEST_KILLS", "20"))
"""How often a grading is killed; in the default run, once."""


def expected(exercise: str) -> dict[str, float]:
    """What each answer is to get, by its name."""
    found: dict[str, float] = yaml.safe_load((ANSWERS / f"{exercise}.yaml").read_text("utf-8"))
    return found


def hand_in(exercise: str, folder: Path, times: int) -> Path:
    """A folder with every answer of an exercise, so many times."""
    for answer in expected(exercise):
        for number in range(times):
            shutil.copytree(ANSWERS / exercise / answer, folder / f"{answer}.{number:02}")
    return folder


def grades(out: Path) -> dict[str, dict[str, Any]]:
    """The grades in a folder, by student."""
    files = sorted((out / "students").glob("*/grade.json"))
    return {file.parent.name: json.loads(file.read_text("utf-8")) for file in files}


def marks(out: Path) -> dict[str, list[Any]]:
    """State and points of each student, part by part."""
    return {
        name: [grade["state"], grade["points"], [p["marks"] for p in _told(grade)]]
        for name, grade in grades(out).items()
    }


def _told(grade: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The parts with what of their marks is the same whatever the lab is called."""
    for part in grade["parts"]:
        points = [(mark["points"], mark["max_points"]) for mark in part["marks"]]
        yield {"name": part["name"], "state": part["state"], "marks": points}


@dataclass(frozen=True)
class Graded:
    """Every answer of an exercise, handed in `times` times and graded; `out` is the folder."""

    exercise: str
    times: int
    handed_in: Path
    done: Done
    out: Path
    took_s: float


@pytest.fixture(scope="module")
def grade(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, int], Graded]:
    """Grades every answer of an exercise, the same only once."""

    @cache
    def grade(exercise: str, times: int) -> Graded:
        folder = tmp_path_factory.mktemp(exercise)
        handed_in, out = hand_in(exercise, folder / "in", times), folder / "out"
        began = time.monotonic()
        done = labctl("grade", exercise, handed_in, "--out", out, *JOBS)
        return Graded(exercise, times, handed_in, done, out, time.monotonic() - began)

    return grade


@pytest.fixture(scope="module", params=cases(EXERCISES, both=["reading-the-stack"]))
def graded(
    request: pytest.FixtureRequest, grade: Callable[[str, int], Graded], is_whole: bool
) -> Graded:
    exercise: str = request.param
    return grade(exercise, TIMES if is_whole else 1)


def test_every_answer_gets_what_its_author_expects_each_time(graded: Graded) -> None:
    assert graded.done.code == 0, graded.done.out + graded.done.err
    wanted = expected(graded.exercise)
    found = grades(graded.out)
    assert len(found) == graded.times * len(wanted)
    wrong = {
        name: (grade["points"], wanted[name.rpartition(".")[0]], grade["parts"])
        for name, grade in found.items()
        if grade["points"] != wanted[name.rpartition(".")[0]] or grade["state"] != "graded"
    }
    assert not wrong


def test_what_comes_out_is_what_course_systems_read(graded: Graded) -> None:
    out = graded.out
    for name, grade in grades(out).items():
        folder = out / "students" / name
        readers.gradescope((folder / "gradescope" / "results.json").read_text("utf-8"))
        readers.prairielearn((folder / "prairielearn" / "results.json").read_text("utf-8"))
        for part in grade["parts"]:
            for file in filter(None, (part["evidence"], part["capture"])):
                assert (folder / file).stat().st_size
    (most,) = {grade["max_points"] for grade in grades(out).values()}
    moodle = readers.moodle(_csv(out / "grades.csv"), most)
    assert len(moodle) == len(readers.canvas(_csv(out / "canvas.csv")).rows) == len(grades(out))


def _csv(file: Path) -> str:
    return file.read_bytes().decode("utf-8")


def test_a_student_gets_the_same_marks_at_home_but_for_hidden_runs(tmp_path: Path) -> None:
    shutil.copytree(ANSWERS / "mail-once" / "retry-all", tmp_path / "mine")
    done = labctl("check", "mail-once", tmp_path / "mine", "--json")
    assert done.code == 1, done.out + done.err
    assert "gone-before-goodbye" not in done.out
    hidden = 4
    assert done.document["points"] == expected("mail-once")["retry-all"] - hidden


def test_a_model_answer_gets_all_points_at_home(tmp_path: Path) -> None:
    shutil.copytree(ANSWERS / "tell-them-apart" / "model", tmp_path / "mine")
    done = labctl("check", "tell-them-apart", tmp_path / "mine")
    assert done.code == 0, done.out + done.err
    assert "15 of 15 points, try 1; 4 more in hidden parts" in done.out


def kill_after(seconds: float, *args: str | Path) -> None:
    """Start labctl, and kill it: it has no time to do anything about that."""
    with subprocess.Popen(
        [sys.executable, "-m", "labctl", *map(str, args)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as running:
        try:
            running.wait(seconds)
        except subprocess.TimeoutExpired:
            running.send_signal(signal.SIGKILL)


def test_killed_at_any_moment_it_goes_on_and_comes_to_the_same_grades(
    grade: Callable[[str, int], Graded], tmp_path: Path, is_whole: bool
) -> None:
    undisturbed = grade("tell-them-apart", 2 if is_whole else 1)
    assert undisturbed.done.code == 0, undisturbed.done.out + undisturbed.done.err
    handed_in = undisturbed.handed_in
    moments = random.Random(5)  # noqa: S311 the same moments each time, as far as the machine goes
    out = tmp_path / "out"
    kills = KILLS if is_whole else 1
    for _ in range(kills):
        # One kill is to come when some grades are there, and others not.
        share = moments.uniform(0.01, 0.25) if is_whole else 0.6
        kill_after(undisturbed.took_s * share, "grade", "tell-them-apart", handed_in,
                   "--out", out, "--resume", *JOBS)  # fmt: skip
    before = {name: file_time(out, name) for name in grades(out)}
    done = labctl("grade", "tell-them-apart", handed_in, "--out", out, "--resume", *JOBS)
    assert done.code == 0, done.out + done.err
    assert marks(out) == marks(undisturbed.out)
    assert {name: file_time(out, name) for name in before} == before
    assert not (out / ".unfinished").exists()


def file_time(out: Path, name: str) -> int:
    """When a grade was written: one that is complete is never written again."""
    return (out / "students" / name / "grade.json").stat().st_mtime_ns
