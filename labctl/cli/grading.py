"""What `labctl grade` and `labctl check` share: an exercise, and an engine to grade it on."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from labctl.cli.execute import Limits, Pythons, make_attempts, pythons_for
from labctl.cli.output import Output
from labctl.engine.access import open_engine
from labctl.errors import EngineError
from labctl.grading.desk import Desk, Paper
from labctl.grading.folder import Setting
from labctl.grading.papers import read_paper
from labctl.grading.tickets import Planner, Ticket, Ticketed, truths
from labctl.load.bundled import bundled_compose, bundled_folder
from labctl.load.exercise import Exercises, series_of
from labctl.load.scenario import load_scenario
from labctl.model.exercise import Exercise
from labctl.model.grade import Grade
from labctl.model.result import EngineInfo, Observation, Verdict
from labctl.model.scenario import Scenario
from labctl.run.examine import Ended
from labctl.run.progress import Bar
from labctl.run.selection import catalogue
from labctl.submissions import Submission

ROOM = 32 * 1024 * 1024
"""Characters of programs that are kept at once: more submissions than these wait."""


def exercises(folders: Sequence[Path]) -> Exercises:
    """The bundled exercises, and those of the folders given with --exercises."""
    compose = bundled_compose()
    return Exercises([bundled_folder("exercises"), *folders], catalogue(()), compose)


def _load_scenario(path: Path) -> Scenario:
    return load_scenario(path, builtin_compose=bundled_compose())


@dataclass(frozen=True, kw_only=True)
class _Follower:
    """Hands attempts that have ended to whoever has their tickets."""

    tickets: Mapping[str, Ticket]
    take: Callable[[Ticket, Ended], None]
    bar: Bar
    seen: list[str]

    @property
    def complete(self) -> bool:
        return len(self.seen) == len(self.tickets)

    def ended(self, ended: Ended) -> None:
        key = ended.attempt.key
        self.seen.append(key)
        self.bar.attempt(len(self.seen))
        self.take(self.tickets[key], ended)

    def show(self, *, interrupted: bool) -> None:
        """What is complete has been written already."""


class Grader:
    """Grades submissions of one exercise on one engine: all of its runs, or only those that are not
    `hidden`. What varies from run to run follows from `seed`, which is made up where there is none.
    """

    def __init__(
        self, exercise: Exercise, *, jobs: int, hidden: bool, output: Output, seed: str = ""
    ) -> None:
        self._exercise = exercise
        self._output = output
        self._hidden = hidden
        self._seed = seed or secrets.token_hex(16)
        self._runs = [run for run in exercise.runs if hidden or not run.spec.hidden]
        self._limits = Limits(jobs=jobs, limit_s=exercise.spec.limits.time)
        self._engine = open_engine()
        self._pythons = self._images()
        self._setting = Setting(engine=EngineInfo(name="", version=""), images={})

    def _images(self) -> Pythons:
        abouts = self._exercise.abouts
        return pythons_for(
            self._engine,
            [about.scenario for about in abouts],
            series_of(self._exercise),
            self._output,
            attempts=[about.attempt.name for about in abouts] or ["-"],
        )

    def grade(
        self,
        submissions: Sequence[Submission],
        *,
        done: Callable[[Grade], None],
        keep: Callable[[Ticket, Ended, Setting], tuple[str, str]],
    ) -> None:
        """Grade them all; `done` is given each grade as soon as it is complete, and `keep` the
        evidence of each attempt, both by one thread at a time.
        """
        desk = Desk(
            self._exercise,
            self._runs,
            self._observe(),
            done=done,
            keep=lambda ticket, ended: keep(ticket, ended, self._setting),
            hidden=self._hidden,
        )
        planner = Planner(
            self._exercise,
            next(p for p in self._pythons.plain if p.series == self._exercise.spec.python),
            seed=self._seed,
        )
        for papers in self._read(submissions):
            for paper in papers:
                desk.take(paper)
            works = [paper.work for paper in papers if paper.work]
            self._make(planner.plan(works, runs=self._runs), desk.ended)
            self._make(planner.again(desk.broken()), desk.ended)
            desk.give_up()

    def _read(self, submissions: Sequence[Submission]) -> Iterator[list[Paper]]:
        """The papers, as many at a time as there is room for."""
        papers: list[Paper] = []
        room = ROOM
        for submission in submissions:
            paper = read_paper(submission, self._exercise, _load_scenario)
            papers.append(paper)
            room -= sum(map(len, paper.sources.values()))
            if room <= 0:
                yield papers
                papers, room = [], ROOM
        if papers:
            yield papers

    def _observe(self) -> dict[str, Observation]:
        """What predictions are about, made now. EngineError where it is not as its scenario says:
        then nobody can say what is right.
        """
        found: dict[str, Observation] = {}
        series = {one.series: one for one in [*self._pythons.plain, *self._pythons.equipped]}

        def take(ticket: Ticket, ended: Ended) -> None:
            seen = ended.result.observed
            if seen is None or ended.result.verdict is not Verdict.PASS:
                reasons = "; ".join(ended.result.reasons)
                raise EngineError(
                    f"what {ticket.part} of the exercise is about did not come true: {reasons}",
                    hint="run `labctl doctor`; nothing was graded",
                )
            found[ticket.part] = seen

        self._make(truths(self._exercise, series), take)
        return found

    def _make(self, made: Ticketed, take: Callable[[Ticket, Ended], None]) -> None:
        if not made.plan.labs:
            return

        def follower(bar: Bar, info: EngineInfo) -> _Follower:
            self._setting = Setting(engine=info, images=self._pythons.images)
            return _Follower(tickets=made.tickets, take=take, bar=bar, seen=[])

        make_attempts(made.plan, self._engine, self._limits, self._output, follower)
