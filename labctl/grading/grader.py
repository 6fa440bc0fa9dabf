"""Grades submissions of one exercise on an engine."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from labctl.engine.access import open_engine
from labctl.errors import EngineError
from labctl.grading.folder import Setting
from labctl.grading.gradebook import Gradebook, GradedSubmission
from labctl.grading.jobs import JobKey, JobPlan, Planner, reference_attempts
from labctl.grading.reading import read_submission
from labctl.load.bundled import bundled_compose
from labctl.load.exercise import series_of
from labctl.load.scenario import load_scenario
from labctl.model.exercise import Exercise
from labctl.model.grade import Grade
from labctl.model.result import Observation, Verdict
from labctl.model.scenario import Scenario
from labctl.run.examine import EndedAttempt
from labctl.run.guarded import GuardedRunner
from labctl.run.output import Output
from labctl.run.pythons import find_pythons, need_libraries
from labctl.run.request import Limits
from labctl.submissions import Submission

MOST_TEXT = 32 * 1024 * 1024
"""Characters of programs that are kept at once: more submissions than these wait."""


class Grader:
    """Grades submissions of one exercise. Connects to the engine, and builds the images that the
    exercise needs where they are missing.
    """

    _setting: Setting
    """What the attempts are made on; known as soon as the first are made."""

    def __init__(
        self, exercise: Exercise, *, jobs: int, hidden: bool, output: Output, seed: str
    ) -> None:
        """Open the engine, and get the images that the exercise needs ready.

        Without `hidden`, hidden runs and questions are left out. What varies from run to run
        follows from `seed`, which is made up if it is empty. Raise EngineError if there is no
        engine, or an image can't be built.
        """
        self._exercise = exercise
        self._output = output
        self._hidden = hidden
        self._seed = seed or secrets.token_hex(16)
        self._runs = [run for run in exercise.runs if hidden or not run.spec.hidden]
        self._limits = Limits(jobs=jobs, limit_s=exercise.spec.limits.time)
        self._engine = open_engine()
        self._pythons = find_pythons(
            self._engine,
            series_of(exercise),
            output,
            with_libraries=need_libraries(about.attempt for about in exercise.abouts),
        )

    def weakness(self) -> EngineError | None:
        """Return what a hostile submission could do on this engine; None if it is nothing."""
        return self._engine.weakness()

    def grade(
        self,
        submissions: Sequence[Submission],
        *,
        done: Callable[[Grade], None],
        keep: Callable[[JobKey, EndedAttempt, Setting], tuple[str, str]],
    ) -> None:
        """Grade them all. `done` is given each grade as soon as it is complete, and `keep` each
        attempt of a run; it returns the names of the files with the evidence.

        What the lab could not make is made once more, in labs for each submission alone, and with
        nothing beside. So is what may have lost points because the machine was too busy. Raise
        EngineError if what predictions are about is not as its scenario says.
        """
        gradebook = Gradebook(
            self._exercise,
            self._runs,
            self._observe(),
            done=done,
            keep=lambda job, ended: keep(job, ended, self._setting),
            hidden=self._hidden,
        )
        usual = next(p for p in self._pythons.plain if p.series == self._exercise.spec.python)
        planner = Planner(self._exercise, usual, seed=self._seed)
        for batch in self._read(submissions):
            for submission in batch:
                gradebook.add_submission(submission)
            works = [submission.work for submission in batch if submission.work]
            planned = planner.plan(works, runs=self._runs, jobs=self._limits.jobs)
            self._make(planned, gradebook.add_attempt)
            alone = replace(self._limits, jobs=1, alone=True)
            self._make(planner.again(gradebook.take_unmade()), gradebook.add_attempt, alone)
            gradebook.give_up()

    def _read(self, submissions: Sequence[Submission]) -> Iterator[list[GradedSubmission]]:
        """Read submissions, and yield them in groups that there is room for in memory."""
        batch: list[GradedSubmission] = []
        room = MOST_TEXT
        for submission in submissions:
            read = read_submission(submission, self._exercise, _load_scenario)
            batch.append(read)
            room -= sum(map(len, read.sources.values()))
            if room <= 0:
                yield batch
                batch, room = [], MOST_TEXT
        if batch:
            yield batch

    def _observe(self) -> dict[str, Observation]:
        """Make the attempts that predictions are about, and return what is observed, by name.

        Raise EngineError if one is not as its scenario says: then nobody can say what is right.
        """
        observations: dict[str, Observation] = {}
        series = {one.series: one for one in [*self._pythons.plain, *self._pythons.equipped]}

        def take(job: JobKey, ended: EndedAttempt) -> None:
            observed = ended.result.observed
            if observed is None or ended.result.verdict is not Verdict.PASS:
                reasons = "; ".join(ended.result.reasons)
                raise EngineError(
                    f"what {job.part} of the exercise is about did not come true: {reasons}",
                    hint="run `labctl doctor`; nothing was graded",
                )
            observations[job.part] = observed

        self._make(reference_attempts(self._exercise, series), take)
        return observations

    def _make(
        self,
        planned: JobPlan,
        take: Callable[[JobKey, EndedAttempt], None],
        limits: Limits | None = None,
    ) -> None:
        """Make the attempts of a plan on the engine, and give `take` each as it ends. `limits` are
        others than the usual.
        """
        if not planned.plan.labs:
            return
        with GuardedRunner(self._engine, limits or self._limits, self._output) as runner:
            self._setting = Setting(engine=runner.engine_info(), images=self._pythons.images)
            for ended in runner.run(planned.plan):
                take(planned.jobs[ended.attempt.key], ended)


def _load_scenario(path: Path) -> Scenario:
    """Load a student's scenario, with labctl's own Compose file."""
    return load_scenario(path, builtin_compose=bundled_compose())
