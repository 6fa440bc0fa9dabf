"""Attempts in, in any order; each grade out once, and complete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from labctl.grading.gradebook import BROKE, BUSY, KEPT, TAMPERED, Gradebook, GradedSubmission
from labctl.grading.jobs import JobKey, JobPlan, Planner, Work
from labctl.model.exercise import Exercise
from labctl.model.grade import Grade, GradeState
from labctl.model.plan import PlannedAttempt
from labctl.model.result import Observation
from labctl.run.examine import EndedAttempt
from tests.unit.grading.samples import (
    EXERCISE,
    INTERPRETER,
    SOURCES,
    attempts,
    broke,
    ended,
    load,
    own,
    submission,
    well,
)
from tests.unit.judge.samples import flow, raised
from tests.unit.load.texts import changed
from tests.unit.mark.samples import sent

REFUSED = raised(flows=(flow(),))


@dataclass
class Room:
    """A gradebook, and what came out of it."""

    exercise: Exercise
    hidden: bool = True
    grades: list[Grade] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.runs = [run for run in self.exercise.runs if self.hidden or not run.spec.hidden]
        self.planner = Planner(self.exercise, INTERPRETER, seed="s")
        self.gradebook = Gradebook(
            self.exercise,
            self.runs,
            {"refused": REFUSED},
            done=self.grades.append,
            keep=self.keep,
            hidden=self.hidden,
        )

    def keep(self, job: JobKey, _ended: EndedAttempt) -> tuple[str, str]:
        self.kept.append(f"{job.owner}/{job.part}")
        return f"{job.part}.json", f"{job.part}.pcapng"

    def take(self, *submissions: GradedSubmission) -> JobPlan:
        """Add them, and plan what is to be run of them."""
        for one in submissions:
            self.gradebook.add_submission(one)
        return self.planner.plan(
            [one.work for one in submissions if one.work], runs=self.runs, jobs=1
        )

    def end(self, made: JobPlan, broken: Sequence[str] = ()) -> None:
        """Make all attempts but for those parts that break."""
        for job, planned in attempts(made):
            self.gradebook.add_attempt(
                job, broke(planned) if job.part in broken else self.made(planned)
            )

    def made(self, planned: PlannedAttempt, **changes: Any) -> EndedAttempt:
        observation = REFUSED if planned.expectation else well(planned)
        return ended(planned, observation, **{"took_s": 0.5, **changes})

    def once_more(self, broken: Sequence[str] = ()) -> list[str]:
        """Plan and end what the lab could not make; what that was."""
        made = self.planner.again(self.gradebook.take_unmade())
        parts = [f"{job.owner}/{job.part}" for job, _ in attempts(made)]
        self.end(made, broken)
        return parts


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(load(tmp_path))


def parts(grade: Grade) -> list[tuple[str, float]]:
    return [(part.name, part.points) for part in grade.parts]


ALL = [
    ("predict/which", 1),
    ("predict/errno", 2),
    ("tell/refused", 4),
    ("tell/quiet", 8),
    ("scenario/own", 16),
]


def test_a_submission_is_complete_with_its_last_attempt(room: Room) -> None:
    made = room.take(submission())
    for job, planned in attempts(made):
        assert room.grades == []
        room.gradebook.add_attempt(job, room.made(planned))
    (grade,) = room.grades
    assert parts(grade) == ALL
    assert (grade.points, grade.max_points, grade.state) == (31, 23, GradeState.GRADED)
    assert (grade.id, grade.name, grade.submission, grade.digest) == ("ada", "Ada", "ada.zip", "d")
    assert (grade.exercise, grade.title, grade.weight) == ("small", "A small one", 2)
    assert (grade.exercise_digest, grade.message) == (room.exercise.digest, "")
    assert grade.elapsed_s == 1.0
    room.gradebook.give_up()
    assert len(room.grades) == 1


def test_submissions_end_in_any_order_and_each_once(room: Room) -> None:
    names = [f"s{n}" for n in range(9)]
    todo = attempts(room.take(*(submission(name) for name in names)))
    for job, planned in sorted(todo, key=lambda each: int(each[1].key) * 31 % 37):
        room.gradebook.add_attempt(job, room.made(planned))
    assert sorted(grade.id for grade in room.grades) == names
    assert all(parts(grade) == ALL for grade in room.grades)
    assert sorted(room.kept) == sorted(
        f"{name}/{part}" for name in names for part in ("tell/refused", "tell/quiet")
    )


def test_a_bonus_is_not_among_the_points_that_there_are(tmp_path: Path) -> None:
    text = changed(EXERCISE, "    points: 16\n", "    points: 16\n    bonus: true\n")
    text = changed(text, 'text: "Which?"', 'text: "Which?", bonus: true')
    room = Room(load(tmp_path, text))
    room.end(room.take(submission()))
    assert (room.grades[0].points, room.grades[0].max_points) == (31, 6)


def test_hidden_parts_are_left_out_where_they_are_not_to_be_asked(tmp_path: Path) -> None:
    room = Room(load(tmp_path), hidden=False)
    room.end(room.take(submission()))
    (grade,) = room.grades
    assert parts(grade) == [ALL[0], ALL[2], ALL[4]]
    assert (grade.points, grade.max_points) == (21, 21)


def test_what_needs_no_lab_is_marked_at_once(room: Room) -> None:
    work = Work(owner="ada", sources={})
    made = room.take(submission(sources={}, work=work, invalid={"own": ["my.yaml:3: no"]}))
    assert made.plan.labs == ()
    (grade,) = room.grades
    assert parts(grade) == [*ALL[:2], ("tell/refused", 0), ("tell/quiet", 0), ("scenario/own", 0)]
    missing = "there is no file client.py in what was handed in"
    assert [mark.actual for mark in grade.parts[2].marks] == [missing]
    assert grade.parts[4].marks[0].actual == "my.yaml:3: no"
    assert (grade.state, grade.points, grade.max_points) == (GradeState.GRADED, 3, 23)


def test_one_that_is_refused_has_no_points_and_no_parts(room: Room) -> None:
    made = room.take(submission(refused="is damaged", work=None))
    assert made.plan.labs == ()
    (grade,) = room.grades
    assert (grade.state, grade.message) == (GradeState.REFUSED, "is damaged")
    assert (grade.points, grade.max_points, grade.parts) == (0, 23, ())


def test_a_wrong_file_of_answers_is_told_and_the_rest_is_graded(room: Room) -> None:
    room.end(room.take(submission(answers={}, wrong_answers="answers.yaml:2: no")))
    (grade,) = room.grades
    assert (grade.message, grade.state) == ("answers.yaml:2: no", GradeState.GRADED)
    assert parts(grade)[:2] == [("predict/which", 0), ("predict/errno", 0)]
    assert grade.points == 28


@pytest.mark.parametrize("part", ["tell/refused", "tell/quiet", "scenario/own"])
def test_what_the_lab_could_not_make_is_made_once_more(room: Room, part: str) -> None:
    room.end(room.take(submission()), broken=[part])
    assert room.grades == []
    assert room.once_more() == [f"ada/{part}"]
    (grade,) = room.grades
    assert parts(grade) == ALL
    assert grade.state is GradeState.GRADED
    assert room.gradebook.take_unmade() == []


def test_only_those_that_broke_are_made_once_more(room: Room) -> None:
    made = room.take(submission("ada"), submission("bob"))
    for job, planned in attempts(made):
        failed = job.owner == "bob" and job.part == "tell/quiet"
        room.gradebook.add_attempt(job, broke(planned) if failed else room.made(planned))
    assert [grade.id for grade in room.grades] == ["ada"]
    assert room.once_more() == ["bob/tell/quiet"]
    assert [grade.id for grade in room.grades] == ["ada", "bob"]


def test_of_a_scenario_all_attempts_are_made_once_more(room: Room) -> None:
    both = own("a", "b")
    given = submission(work=Work(owner="ada", sources=SOURCES, scenarios={"own": both}))
    made = room.take(given)
    for job, planned in attempts(made):
        lost = planned.attempt == "b"
        room.gradebook.add_attempt(job, broke(planned) if lost else room.made(planned))
    assert room.once_more() == ["ada/scenario/own"] * 2
    assert parts(room.grades[0]) == ALL


@pytest.mark.parametrize("part", ["tell/refused", "scenario/own"])
def test_what_breaks_twice_is_given_up_and_costs_nothing(room: Room, part: str) -> None:
    room.end(room.take(submission("ada"), submission("bob")), broken=[part])
    assert room.once_more(broken=[part]) == [f"ada/{part}", f"bob/{part}"]
    room.gradebook.give_up()
    assert [grade.id for grade in room.grades] == ["ada", "bob"]
    for grade in room.grades:
        assert (grade.state, grade.message, grade.gradable) == (GradeState.ERROR, BROKE, False)
        assert grade.max_points == 23
        assert [name for name, points in parts(grade) if points] == [
            name for name, _ in ALL if name != part
        ]
    room.gradebook.give_up()
    assert len(room.grades) == 2


def late(room: Room, planned: PlannedAttempt, starved_s: float = 1.0) -> EndedAttempt:
    """A run that the client lost, since it was late."""
    seen = well(planned).model_copy(update={"starved_s": starved_s, "flows": (), "served": ()})
    return room.made(planned) if planned.expectation else ended(planned, seen, took_s=0.5)


def end_late(room: Room, made: JobPlan, *parts: str, starved_s: float = 1.0) -> None:
    """End all attempts, and those of these parts too late."""
    for job, planned in attempts(made):
        is_late = job.part in parts
        one = late(room, planned, starved_s) if is_late else room.made(planned)
        room.gradebook.add_attempt(job, one)


def test_points_that_a_starved_program_lost_are_asked_for_once_more(room: Room) -> None:
    end_late(room, room.take(submission()), "tell/quiet")
    assert room.grades == []
    assert "ada/tell/quiet" not in room.kept
    assert room.once_more() == ["ada/tell/quiet"]
    assert parts(room.grades[0]) == ALL
    assert room.grades[0].state is GradeState.GRADED


def test_starved_twice_it_is_flagged_and_costs_nothing(room: Room) -> None:
    end_late(room, room.take(submission()), "tell/quiet")
    end_late(room, room.planner.again(room.gradebook.take_unmade()), "tell/quiet")
    (grade,) = room.grades
    assert (grade.state, grade.message, grade.gradable) == (GradeState.INCONCLUSIVE, BUSY, False)
    (part,) = [one for one in grade.parts if one.name == "tell/quiet"]
    assert (part.state, part.reasons, part.starved_s) == (GradeState.INCONCLUSIVE, (BUSY,), 1.0)
    assert room.gradebook.take_unmade() == []


def test_starved_and_tampered_both_are_told(room: Room) -> None:
    made = room.take(submission())
    for again in (False, True):
        for job, planned in attempts(made):
            if job.part == "tell/refused":
                seen = well(planned, tampered=("replaced os.write",))
                room.gradebook.add_attempt(job, ended(planned, seen))
            else:
                is_late = job.part == "tell/quiet"
                one = late(room, planned) if is_late else room.made(planned)
                room.gradebook.add_attempt(job, one)
        if not again:
            made = room.planner.again(room.gradebook.take_unmade())
    (grade,) = room.grades
    assert (grade.state, grade.message) == (GradeState.INCONCLUSIVE, f"{BUSY}; {TAMPERED}")


def test_points_that_a_program_lost_by_itself_are_lost_at_once(room: Room) -> None:
    end_late(room, room.take(submission()), "tell/quiet", starved_s=0.1)
    (grade,) = room.grades
    assert grade.state is GradeState.GRADED
    assert dict(parts(grade))["tell/quiet"] == 0


def test_a_run_that_was_given_up_says_why(room: Room) -> None:
    room.end(room.take(submission()), broken=["tell/refused"])
    room.gradebook.give_up()
    (part,) = [one for one in room.grades[0].parts if one.name == "tell/refused"]
    assert (part.state, part.reasons) == (GradeState.ERROR, (BROKE,))


def test_tampering_in_one_part_is_that_of_the_whole(room: Room) -> None:
    made = room.take(submission())
    for job, planned in attempts(made):
        if job.part == "tell/quiet":
            changed_ = well(planned, tampered=("replaced os.write",))
            room.gradebook.add_attempt(job, ended(planned, changed_))
        else:
            room.gradebook.add_attempt(job, room.made(planned))
    assert room.grades[0].state is GradeState.TAMPERED
    states = {part.name: part.state for part in room.grades[0].parts}
    assert [name for name, state in states.items() if state is not GradeState.GRADED] == [
        "tell/quiet"
    ]


def test_a_scenario_that_does_not_come_true(room: Room) -> None:
    made = room.take(submission())
    for job, planned in attempts(made):
        seen = well(planned)
        room.gradebook.add_attempt(job, ended(planned, seen))
    assert parts(room.grades[0])[-1] == ("scenario/own", 10.666)


def test_a_part_has_its_evidence_its_packets_and_some_of_its_output(room: Room) -> None:
    made = room.take(submission())
    loud = {"stdout": "o" * (KEPT + 9), "stderr": "e" * (KEPT + 9)}
    for job, planned in attempts(made):
        if job.run:
            taken = sent(b"EHLO me\r\n")
            observation: Observation = well(planned, **loud)
            room.gradebook.add_attempt(job, ended(planned, observation, wire=taken, took_s=2.0))
        else:
            room.gradebook.add_attempt(job, room.made(planned))
    part = room.grades[0].parts[2]
    assert (part.evidence, part.capture) == ("tell/refused.json", "tell/refused.pcapng")
    dropped = "\n[... the rest was dropped ...]"
    assert (part.stdout, part.stderr) == ("o" * KEPT + dropped, "e" * KEPT + dropped)
    assert any("SYN" in line for line in part.ladder)
    assert part.elapsed_s == 2.0
