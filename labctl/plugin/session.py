"""Labs that stay for as long as tests need them, and attempts made in them, one after the other.

Beside labctl.run.runner, which knows all its attempts before it starts, this is asked for one at a
time. Scenarios of one Compose file share a lab here too; an exclusive one has its own.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from labctl.engine.protocol import Engine, Lab, Tap
from labctl.errors import EngineError
from labctl.model.plan import PlannedAttempt, PlannedLab
from labctl.model.scenario import Scenario
from labctl.run.examine import EndedAttempt, examine
from labctl.run.plan import plan

_Place = tuple[Path, str]
"""The Compose file of a lab, and the scenario that has it to itself, if one has."""


class Session:
    """The labs of one process. `troubles` is what kept labs from being taken down."""

    def __init__(self, engine: Engine, expected: Iterable[Scenario] = ()) -> None:
        """The services of all scenarios that are `expected` are started with the first one."""
        self._engine = engine
        self._expected = list(expected)
        self._labs: dict[_Place, _Running] = {}
        self._given_up: dict[_Place, EngineError] = {}
        self._lock = threading.Lock()
        self.troubles: list[EngineError] = []

    def make(
        self,
        scenario: Scenario,
        attempt: PlannedAttempt,
        *,
        limit_s: float,
        upcoming: tuple[Scenario, PlannedAttempt] | None = None,
    ) -> EndedAttempt:
        """Make an attempt in the scenario's lab; its container is started while the one before it
        runs, if that was told of it as `upcoming`.

        EngineError where the lab broke. One that never worked is not started again; one that did
        is, for the next attempt.
        """
        with self._lock:
            place = _place(scenario)
            try:
                lab = self._lab(scenario, attempt)
                follows = upcoming and _place(upcoming[0]) == place and lab.serves(upcoming[0])
                following = upcoming[1] if upcoming and follows else None
                return lab.make(attempt, limit_s=limit_s, upcoming=following)
            except EngineError as error:
                self._after(error, place)
                raise

    def _lab(self, scenario: Scenario, attempt: PlannedAttempt) -> _Running:
        """The lab that has all services, started where none has."""
        place = _place(scenario)
        if place in self._given_up:
            known = self._given_up[place]
            raise EngineError(known.message, where=known.where, hint=known.hint)
        lab = self._labs.get(place)
        if lab and lab.serves(scenario) and lab.usable():
            return lab
        self._drop(place)
        if scenario.exclusive:
            self._drop_exclusive()
        if all(other.path != scenario.path for other in self._expected):
            self._expected.append(scenario)
        together = [other for other in self._expected if _place(other) == place]
        self._labs[place] = _Running(self._engine, _planned_lab(together, attempt))
        return self._labs[place]

    def _after(self, error: EngineError, place: _Place) -> None:
        lab = self._labs.get(place)
        if lab is None or not lab.worked:
            self._drop(place)
            self._given_up[place] = error

    def _drop_exclusive(self) -> None:
        """One at a time: there may be many, and nobody comes back to them."""
        for place in [place for place in self._labs if place[1]]:
            self._drop(place)

    def _drop(self, place: _Place) -> None:
        lab = self._labs.pop(place, None)
        if lab is not None:
            with self._noted():
                lab.close()

    def close(self, *, interrupted: bool) -> None:
        """Take all labs down. If tests were `interrupted`, what is being started is not waited
        for.
        """
        if interrupted:
            with self._noted():
                self._engine.stop()
        for place in list(self._labs):
            self._drop(place)
        if interrupted or self.troubles:
            with self._noted():
                self._engine.sweep()

    @contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except EngineError as error:
            self.troubles.append(error)


class _Running:
    """A lab that runs, and the tap in it."""

    def __init__(self, engine: Engine, lab: PlannedLab) -> None:
        self._stack = ExitStack()
        self._taps = ExitStack()
        self._tap: Tap | None = None
        self._services = {service.name for service in lab.services}
        self.worked = False
        """Whether an attempt could be made."""
        self._lab: Lab = self._stack.enter_context(engine.lab(lab))
        self._stack.callback(self._taps.close)

    def serves(self, scenario: Scenario) -> bool:
        """Whether all that it needs runs here."""
        return self._services.issuperset(service.name for service in scenario.services)

    def usable(self) -> bool:
        """Whether attempts can still be made in it: not where one of its services has ended."""
        try:
            self._current_tap()
        except EngineError:
            return False
        return True

    def _current_tap(self) -> Tap:
        if self._tap is None:
            self._tap = self._taps.enter_context(self._lab.tap())
        return self._tap

    def make(
        self, attempt: PlannedAttempt, *, limit_s: float, upcoming: PlannedAttempt | None
    ) -> EndedAttempt:
        """Make the attempt; a tap that it leaves unusable is replaced."""
        tap = self._current_tap()
        try:
            ended = examine(attempt, tap.attempt(attempt, limit_s=limit_s, upcoming=upcoming))
        except EngineError:
            self._drop_tap()
            raise
        self.worked = True
        if ended.is_dirty:
            self._drop_tap()
        return ended

    def _drop_tap(self) -> None:
        self._tap = None
        self._taps.close()

    def close(self) -> None:
        """Take it down."""
        self._stack.close()


def _place(scenario: Scenario) -> _Place:
    return scenario.compose, scenario.name if scenario.exclusive else ""


def _planned_lab(scenarios: Sequence[Scenario], attempt: PlannedAttempt) -> PlannedLab:
    """A lab with the services of all the scenarios."""
    return plan(scenarios, interpreters=[attempt.interpreter], judged=False).labs[0]
