"""Submissions x runs to labs: who shares one, in which order, and whose each attempt is."""

from __future__ import annotations

from pathlib import Path

import pytest

from labctl.grading.jobs import MOST_IN_A_LAB, JobPlan, Planner, Work, reference_attempts
from labctl.model.exercise import Exercise
from labctl.model.plan import PlannedLab
from tests.unit.grading.samples import EXERCISE, INTERPRETER, SOURCES, attempts, load, own
from tests.unit.load.texts import changed

LAB = """\
services:
  web:
    image: labctl/lab
    command: [script]
    environment: {LAB_PORTS: "80: [close]"}
networks: {lab: {}}
"""


@pytest.fixture
def exercise(tmp_path: Path) -> Exercise:
    return load(tmp_path)


def planner(exercise: Exercise, seed: str = "s") -> Planner:
    return Planner(exercise, INTERPRETER, seed=seed)


def works(number: int) -> list[Work]:
    return [Work(owner=f"s{n:02}", sources=SOURCES) for n in range(number)]


def owners(lab: PlannedLab, made: JobPlan) -> list[str]:
    return list(dict.fromkeys(made.jobs[one.key].owner for one in lab.attempts))


def test_twelve_share_a_lab_one_after_the_other(exercise: Exercise) -> None:
    made = planner(exercise).plan(works(30), runs=exercise.runs, jobs=1)
    assert MOST_IN_A_LAB == 12
    assert [len(owners(lab, made)) for lab in made.plan.labs] == [12, 12, 6]
    assert all(lab.serial for lab in made.plan.labs)
    for lab in made.plan.labs:
        told = [made.jobs[one.key].owner for one in lab.attempts]
        assert told == sorted(told)


@pytest.mark.parametrize(
    ("submissions", "jobs", "sizes"),
    [
        (12, 1, [12]),
        (12, 4, [3, 3, 3, 3]),
        (5, 4, [2, 2, 1]),
        (3, 8, [1, 1, 1]),
        (30, 2, [12, 12, 6]),
        (1, 64, [1]),
    ],
)
def test_as_many_labs_as_jobs_are_busy(
    exercise: Exercise, submissions: int, jobs: int, sizes: list[int]
) -> None:
    made = planner(exercise).plan(works(submissions), runs=exercise.runs, jobs=jobs)
    assert [len(owners(lab, made)) for lab in made.plan.labs] == sizes


def test_a_run_needs_the_services_of_its_own_scenario_alone(exercise: Exercise) -> None:
    made = planner(exercise).plan(works(1), runs=exercise.runs, jobs=1)
    assert {one.attempt: set(one.services) for one in made.plan.attempts} == {
        "tell/refused": {"dns", "closed"},
        "tell/quiet": {"dns", "filtered"},
    }


def test_without_submissions_there_is_no_lab(exercise: Exercise) -> None:
    assert planner(exercise).plan([], runs=exercise.runs, jobs=4).plan.labs == ()


def test_each_submission_has_each_run_once(exercise: Exercise) -> None:
    made = planner(exercise).plan(works(3), runs=exercise.runs, jobs=1)
    found = sorted((job.owner, job.part) for job, _ in attempts(made))
    parts = ("tell/quiet", "tell/refused")
    assert found == [(f"s{n:02}", part) for n in range(3) for part in parts]


def test_runs_come_in_any_order(exercise: Exercise) -> None:
    """So that a program can't count on it; two of sixteen orders are all alike by a rare chance."""
    made = planner(exercise).plan(works(16), runs=exercise.runs, jobs=1)
    orders = {
        tuple(job.part for job, _ in attempts(made) if job.owner == f"s{n:02}") for n in range(16)
    }
    assert len(orders) == 2


def test_only_the_runs_that_are_asked_for(exercise: Exercise) -> None:
    shown = [run for run in exercise.runs if not run.spec.hidden]
    made = planner(exercise).plan(works(2), runs=shown, jobs=1)
    assert {job.part for job, _ in attempts(made)} == {"tell/refused"}


def test_who_has_no_file_for_a_run_is_not_in_its_lab(exercise: Exercise) -> None:
    lacking = Work(owner="zoe", sources={"other.py": "pass"})
    made = planner(exercise).plan([*works(1), lacking], runs=exercise.runs, jobs=1)
    assert {job.owner for job, _ in attempts(made)} == {"s00"}
    assert planner(exercise).plan([lacking], runs=exercise.runs, jobs=1).plan.labs == ()


def test_an_attempt_is_what_its_run_says(tmp_path: Path) -> None:
    text = changed(
        EXERCISE,
        "        scenario: refused-port\n        checks",
        '        scenario: refused-port\n        argv: ["{host}", "-v"]\n'
        '        env: {LAB_USER: "u-{nonce}", LAB_URL: "http://{host}:{port}/"}\n        checks',
    )
    exercise = load(tmp_path, text)
    made = planner(exercise).plan(works(1), runs=exercise.runs, jobs=1)
    job, one = next(pair for pair in attempts(made) if pair[0].part == "tell/refused")
    host, port, nonce = (job.placeholders[key] for key in ("host", "port", "nonce"))
    assert (one.target.host, one.target.port) == (host, int(port))
    assert host != "closed.lab"
    assert one.argv == (host, "-v")
    assert one.env == {"LAB_USER": f"u-{nonce}", "LAB_URL": f"http://{host}:{port}/"}
    assert (one.source, one.client, one.origin) == (
        SOURCES["client.py"],
        "client.py",
        "s00/client.py",
    )
    assert (one.scenario, one.attempt, one.expectation) == ("small", "tell/refused", None)


def test_labs_vary_and_those_in_one_do_not(exercise: Exercise) -> None:
    made = planner(exercise).plan(works(24), runs=exercise.runs, jobs=1)
    targets = [
        {one.target for one in lab.attempts if one.attempt == "tell/refused"}
        for lab in made.plan.labs
    ]
    assert [len(each) for each in targets] == [1, 1]
    assert targets[0] != targets[1]


def test_the_same_seed_makes_the_same_plan_and_another_another(exercise: Exercise) -> None:
    def made(seed: str) -> JobPlan:
        return planner(exercise, seed).plan(works(14), runs=exercise.runs, jobs=1)

    assert made("s") == made("s")
    assert {one.target for _, one in attempts(made("s"))}.isdisjoint(
        one.target for _, one in attempts(made("t"))
    )


def test_no_two_attempts_of_a_grading_have_one_key(exercise: Exercise) -> None:
    given = [Work(owner=f"s{n:02}", sources=SOURCES, scenarios={"own": own()}) for n in range(14)]
    one = planner(exercise)
    first = one.plan(given, runs=exercise.runs, jobs=1)
    again = one.again([(work, exercise.runs) for work in given[:2]])
    second = one.plan(given, runs=exercise.runs, jobs=1)
    keys = [planned.key for made in (first, again, second) for _, planned in attempts(made)]
    assert len(keys) == len(set(keys)) == 14 * 3 + 2 * 3 + 14 * 3
    assert set(first.jobs).isdisjoint(again.jobs)


def test_once_more_each_submission_has_labs_of_its_own(exercise: Exercise) -> None:
    given = [Work(owner=f"s{n}", sources=SOURCES, scenarios={"own": own()}) for n in range(2)]
    runs = exercise.runs[:1]
    made = planner(exercise).again([(given[0], runs), (given[1], [])])
    assert [owners(lab, made) for lab in made.plan.labs] == [["s0"], ["s0"], ["s1"]]
    parts = [made.jobs[lab.attempts[0].key].part for lab in made.plan.labs]
    assert parts == [runs[0].name, "scenario/own", "scenario/own"]


def test_a_scenario_of_a_students_has_its_own_lab_and_is_judged_by_itself(
    exercise: Exercise,
) -> None:
    mine = own("a", "b")
    given = [Work(owner=f"s{n}", sources={}, scenarios={"own": mine}) for n in range(2)]
    made = planner(exercise).plan(given, runs=exercise.runs, jobs=1)
    assert [owners(lab, made) for lab in made.plan.labs] == [["s0"], ["s1"]]
    for lab in made.plan.labs:
        assert (lab.serial, lab.services, lab.compose) == (True, mine.services, mine.compose)
        assert [one.attempt for one in lab.attempts] == ["a", "b"]
        assert [one.expectation for one in lab.attempts] == [
            each.expectations[0] for each in mine.attempts
        ]
        assert {made.jobs[one.key].run for one in lab.attempts} == {None}


def test_runs_of_other_compose_files_have_other_labs(tmp_path: Path) -> None:
    tmp_path.joinpath("lab.yaml").write_text(LAB, "utf-8")
    text = changed(EXERCISE, "weight: 2", "compose: lab.yaml").replace(
        "scenario: filtered-port", "services: [web]\n        target: {host: web, port: 80}"
    )
    exercise = load(tmp_path, text)
    made = planner(exercise).plan(works(13), runs=exercise.runs, jobs=1)
    composes = [lab.compose.name for lab in made.plan.labs]
    builtin = exercise.runs[0].compose
    assert builtin != exercise.runs[1].compose
    assert composes == [builtin.name, "lab.yaml"] * 2
    for lab in made.plan.labs:
        assert {one.attempt for one in lab.attempts} == (
            {"tell/refused"} if lab.compose == builtin else {"tell/quiet"}
        )


def test_what_predictions_are_about_is_made_as_its_scenario_says(exercise: Exercise) -> None:
    made = reference_attempts(exercise, {"3.13": INTERPRETER})
    ((job, one),) = attempts(made)
    about = exercise.abouts[0]
    assert (job.part, job.owner, job.run) == ("refused", "", None)
    assert (one.source, one.target) == (about.attempt.source, about.scenario.target)
    assert one.expectation == about.attempt.expectation(INTERPRETER.version)
    (lab,) = made.plan.labs
    assert (lab.serial, lab.compose) == (False, about.scenario.compose)


def test_two_things_that_are_asked_about_share_a_lab(tmp_path: Path) -> None:
    more = "attempt: smtplib}\n    filtered: {scenario: filtered-port, attempt: socket}"
    exercise = load(tmp_path, changed(EXERCISE, "attempt: smtplib}", more))
    made = reference_attempts(exercise, {"3.13": INTERPRETER})
    (lab,) = made.plan.labs
    assert [made.jobs[one.key].part for one in lab.attempts] == ["refused", "filtered"]
    names = [service.name for service in lab.services]
    assert {"dns", "closed", "filtered"} == set(names)
    assert len(names) == len(set(names))
