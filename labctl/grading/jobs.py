"""From submissions and runs to labs and attempts, and whose each attempt is. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path

from labctl.grading.vary import Aim, Variation
from labctl.model.exercise import Exercise, Run, fill
from labctl.model.plan import Interpreter, Plan, PlannedAttempt, PlannedLab
from labctl.model.scenario import Scenario
from labctl.run.attempts import scenario_attempt, service_names
from labctl.run.plan import lab_of, services_of

MOST_IN_A_LAB = 12
"""Submissions that one lab serves at the most, one after the other."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is to be run of one submission: its programs by file name, and its own scenarios by the
    name of the question.
    """

    owner: str
    sources: Mapping[str, str]
    scenarios: Mapping[str, Scenario] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class JobKey:
    """Whose an attempt is, and which part of the grade it is for.

    `owner` is the id of the submission. `run` is None for a scenario that the student wrote.
    `placeholders` says what `{host}`, `{port}` and `{nonce}` stand for.
    """

    owner: str
    part: str
    run: Run | None
    placeholders: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class JobPlan:
    """A plan, and whose each of its attempts is, by the attempt's key."""

    plan: Plan
    jobs: Mapping[str, JobKey]


def submissions_in_a_lab(submissions: int, jobs: int) -> int:
    """Return how many submissions share a lab, so that `jobs` labs can be busy at the same time."""
    return max(1, min(MOST_IN_A_LAB, ceil(submissions / jobs)))


class Planner:
    """Plans one grading. Each lab is serial: no two students' programs are ever on one network at
    the same time.
    """

    def __init__(self, exercise: Exercise, interpreter: Interpreter, *, seed: str) -> None:
        """Take the exercise and the interpreter. What varies from run to run follows from
        `seed`.
        """
        self._exercise = exercise
        self._interpreter = interpreter
        self._seed = seed
        self._jobs: dict[str, JobKey] = {}
        self._number = self._shuffled = 0

    def plan(self, works: Sequence[Work], *, runs: Sequence[Run], jobs: int) -> JobPlan:
        """Plan these runs of these submissions in labs, for `jobs` attempts at the same time."""
        self._jobs, labs = {}, list[PlannedLab]()
        size = submissions_in_a_lab(len(works), jobs)
        for start in range(0, len(works), size):
            together = works[start : start + size]
            labs += self._labs(together, runs)
            labs += [lab for work in together for lab in self._own_labs(work)]
        return JobPlan(plan=Plan(labs=tuple(labs)), jobs=self._jobs)

    def again(self, works: Sequence[tuple[Work, Sequence[Run]]]) -> JobPlan:
        """Plan runs that are made once more, in labs for each submission alone."""
        self._jobs, labs = {}, list[PlannedLab]()
        for work, runs in works:
            labs += [*self._labs([work], runs), *self._own_labs(work)]
        return JobPlan(plan=Plan(labs=tuple(labs)), jobs=self._jobs)

    def _labs(self, works: Sequence[Work], runs: Sequence[Run]) -> Iterator[PlannedLab]:
        """Plan one lab for all runs of each Compose file."""
        for compose in dict.fromkeys(run.compose for run in runs):
            together = [run for run in runs if run.compose == compose]
            variation = Variation(services_of(together), f"{self._seed}/{self._number}")
            aims = [(run, variation.aim(run.target, vary=run.spec.vary)) for run in together]
            attempts = tuple(
                self._attempt(work, run, aim)
                for work in works
                for run, aim in self._in_any_order(aims)
                if run.file in work.sources
            )
            if attempts:
                yield PlannedLab(
                    compose=compose,
                    scenarios=(self._exercise.name,),
                    services=variation.services,
                    attempts=attempts,
                    serial=True,
                )

    def _in_any_order(self, aims: Sequence[tuple[Run, Aim]]) -> list[tuple[Run, Aim]]:
        """Return the runs in a random order, another for each submission. The network's counters
        tell how many came before, and a program must not know by that which run it is.
        """
        self._shuffled += 1
        order = random.Random(f"{self._seed}/order/{self._shuffled}")  # noqa: S311 as in vary
        return order.sample(aims, len(aims))

    def _attempt(self, work: Work, run: Run, aim: Aim) -> PlannedAttempt:
        """Plan one run of a student's program against a target, and remember whose it is."""
        places = aim.placeholders
        job = JobKey(owner=work.owner, part=run.name, run=run, placeholders=places)
        return PlannedAttempt(
            key=self._key(job),
            scenario=self._exercise.name,
            attempt=run.name,
            client=run.file,
            source=work.sources[run.file],
            origin=f"{work.owner}/{run.file}",
            target=aim.target,
            services=service_names(run),
            interpreter=self._interpreter,
            argv=tuple(fill(text, places) for text in run.spec.argv),
            env={name: fill(text, places) for name, text in run.spec.env.items()},
        )

    def _own_labs(self, work: Work) -> Iterator[PlannedLab]:
        """Plan a lab for each scenario that the student wrote."""
        for name, scenario in work.scenarios.items():
            job = JobKey(owner=work.owner, part=f"scenario/{name}", run=None, placeholders={})
            attempts = [
                replace(
                    scenario_attempt(
                        scenario, attempt, self._interpreter, key=self._key(job), is_judged=False
                    ),
                    origin=f"{work.owner}/{name}",
                    expectation=attempt.expectation(self._interpreter.version),
                )
                for attempt in scenario.attempts
            ]
            yield replace(lab_of([scenario], attempts), serial=True)

    def _key(self, job: JobKey) -> str:
        """Return a key that no other attempt of this grading has, and note whose it is."""
        self._number += 1
        key = str(self._number)
        self._jobs[key] = job
        return key


def reference_attempts(exercise: Exercise, interpreters: Mapping[str, Interpreter]) -> JobPlan:
    """Plan the attempts that predictions are about, each judged by its own scenario.

    `interpreters` has each series that the exercise needs.
    """
    jobs: dict[str, JobKey] = {}
    groups: dict[Path, list[tuple[Scenario, PlannedAttempt]]] = {}
    for number, about in enumerate(exercise.abouts, 1):
        key = str(number)
        jobs[key] = JobKey(owner="", part=about.name, run=None, placeholders={})
        planned = scenario_attempt(
            about.scenario, about.attempt, interpreters[about.python], key=key
        )
        groups.setdefault(about.scenario.compose, []).append((about.scenario, planned))
    labs = []
    for group in groups.values():
        scenarios = {scenario.name: scenario for scenario, _ in group}
        labs.append(lab_of([*scenarios.values()], [planned for _, planned in group]))
    return JobPlan(plan=Plan(labs=tuple(labs)), jobs=jobs)
