"""Submissions x runs -> labs, attempts, and a ticket for each: whose it is, and what of. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from labctl.grading.vary import Aim, Variation
from labctl.model.compose import Service
from labctl.model.exercise import Exercise, Run, fill
from labctl.model.plan import Interpreter, Plan, PlannedAttempt, PlannedLab
from labctl.model.scenario import Scenario

AT_ONCE = 12
"""Submissions that one lab serves, one after the other."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What of one submission is to be run: its programs by file name, and its own scenarios, by
    the name of the question.
    """

    owner: str
    sources: Mapping[str, str]
    scenarios: Mapping[str, Scenario] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """Whose attempt it is, and of what: a run, or (`run` None) a scenario of the student's."""

    owner: str
    part: str
    run: Run | None
    places: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Ticketed:
    """A plan, and the ticket of each of its attempts by the attempt's key."""

    plan: Plan
    tickets: Mapping[str, Ticket]


class Planner:
    """Plans one grading. Each lab makes its attempts in turn: no two students' programs are ever
    on one network at the same time.
    """

    def __init__(self, exercise: Exercise, interpreter: Interpreter, *, seed: str) -> None:
        self._exercise = exercise
        self._interpreter = interpreter
        self._seed = seed
        self._tickets: dict[str, Ticket] = {}
        self._number = self._shuffled = 0

    def plan(
        self, works: Sequence[Work], *, runs: Sequence[Run], at_once: int = AT_ONCE
    ) -> Ticketed:
        """The labs for these runs of these submissions, `at_once` submissions in each."""
        self._tickets, labs = {}, list[PlannedLab]()
        for start in range(0, len(works), at_once):
            some = works[start : start + at_once]
            labs += self._labs(some, runs)
            labs += [lab for work in some for lab in self._own(work)]
        return Ticketed(plan=Plan(labs=tuple(labs)), tickets=self._tickets)

    def again(self, works: Sequence[tuple[Work, Sequence[Run]]]) -> Ticketed:
        """The labs for what is to be made once more: a lab for each submission."""
        self._tickets, labs = {}, list[PlannedLab]()
        for work, runs in works:
            labs += [*self._labs([work], runs), *self._own(work)]
        return Ticketed(plan=Plan(labs=tuple(labs)), tickets=self._tickets)

    def _labs(self, works: Sequence[Work], runs: Sequence[Run]) -> Iterator[PlannedLab]:
        """One lab for all runs of each Compose file."""
        for compose in dict.fromkeys(run.compose for run in runs):
            mine = [run for run in runs if run.compose == compose]
            variation = Variation(_services(mine), f"{self._seed}/{self._number}")
            aims = [(run, variation.aim(run.target, vary=run.spec.vary)) for run in mine]
            attempts = tuple(
                self._attempt(work, run, aim)
                for work in works
                for run, aim in self._in_any_order(aims)
                if run.file in work.sources
            )
            if attempts:
                yield PlannedLab(
                    compose=compose,
                    services=variation.services,
                    attempts=attempts,
                    in_turn=True,
                )

    def _in_any_order(self, aims: Sequence[tuple[Run, Aim]]) -> list[tuple[Run, Aim]]:
        """Another order for each submission: counters of the network's tell how many came before,
        and a program must not know by that which run it is.
        """
        self._shuffled += 1
        order = random.Random(f"{self._seed}/order/{self._shuffled}")  # noqa: S311 as in vary
        return order.sample(aims, len(aims))

    def _attempt(self, work: Work, run: Run, aim: Aim) -> PlannedAttempt:
        ticket = Ticket(owner=work.owner, part=run.name, run=run, places=aim.places)
        return PlannedAttempt(
            key=self._key(ticket),
            scenario=self._exercise.name,
            attempt=run.name,
            client=run.file,
            source=work.sources[run.file],
            origin=f"{work.owner}/{run.file}",
            target=aim.target,
            interpreter=self._interpreter,
            argv=tuple(fill(text, aim.places) for text in run.spec.argv),
            env={name: fill(text, aim.places) for name, text in run.spec.env.items()},
        )

    def _key(self, ticket: Ticket) -> str:
        """Return a key that no other attempt of this grading has, and file the ticket under it."""
        self._number += 1
        key = str(self._number)
        self._tickets[key] = ticket
        return key

    def _own(self, work: Work) -> Iterator[PlannedLab]:
        """A lab for each scenario of the student's."""
        for name, scenario in work.scenarios.items():
            ticket = Ticket(owner=work.owner, part=f"scenario/{name}", run=None, places={})
            attempts = tuple(
                PlannedAttempt(
                    key=self._key(ticket),
                    scenario=scenario.name,
                    attempt=attempt.name,
                    source=attempt.source,
                    origin=f"{work.owner}/{name}",
                    target=scenario.target,
                    interpreter=self._interpreter,
                    expectation=attempt.expectation(self._interpreter.version),
                )
                for attempt in scenario.attempts
            )
            yield PlannedLab(
                compose=scenario.compose,
                services=scenario.services,
                attempts=attempts,
                in_turn=True,
            )


def _services(runs: Iterable[Run]) -> tuple[Service, ...]:
    """All that the runs need, each after those it depends on."""
    found: dict[str, Service] = {}
    for run in runs:
        for service in run.services:
            found.setdefault(service.name, service)
    return tuple(found.values())


def truths(exercise: Exercise, interpreters: Mapping[str, Interpreter]) -> Ticketed:
    """The labs for what predictions are about, each attempt judged by its own scenario."""
    tickets: dict[str, Ticket] = {}
    labs: dict[Path, list[PlannedAttempt]] = {}
    services: dict[Path, dict[str, Service]] = {}
    for number, about in enumerate(exercise.abouts, 1):
        tickets[str(number)] = Ticket(owner="", part=about.name, run=None, places={})
        scenario, interpreter = about.scenario, interpreters[about.python]
        made = PlannedAttempt(
            key=str(number),
            scenario=scenario.name,
            attempt=about.attempt.name,
            source=about.attempt.source,
            origin=about.attempt.origin,
            target=scenario.target,
            interpreter=interpreter,
            expectation=about.attempt.expectation(interpreter.version),
            requires=about.attempt.requires,
        )
        labs.setdefault(scenario.compose, []).append(made)
        known = services.setdefault(scenario.compose, {})
        known.update({one.name: one for one in scenario.services if one.name not in known})
    planned = [
        PlannedLab(
            compose=compose, services=tuple(services[compose].values()), attempts=tuple(attempts)
        )
        for compose, attempts in labs.items()
    ]
    return Ticketed(plan=Plan(labs=tuple(planned)), tickets=tickets)
