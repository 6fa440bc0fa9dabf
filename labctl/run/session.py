"""Labs that stay while attempts are made in them one by one, as somebody asks for each.

A Runner knows all its attempts before it starts. A Session does not: tests ask for one attempt
after the other. Scenarios of one Compose file share a lab here too; an exclusive one has its own.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from labctl.engine.protocol import Engine
from labctl.errors import EngineError
from labctl.model.plan import PlannedAttempt, PlannedLab
from labctl.model.scenario import Scenario
from labctl.run.plan import lab_key, lab_of
from labctl.run.taps import ReplaceableTap

if TYPE_CHECKING:
    from labctl.run.examine import EndedAttempt

_LabKey = tuple[Path, str]


class Session:
    """The labs of one process. `errors` holds what kept labs from being removed."""

    def __init__(self, engine: Engine, expected: Iterable[Scenario] = ()) -> None:
        """Take the engine. The services of all `expected` scenarios start with the first of
        them.
        """
        self._engine = engine
        self._expected = list(expected)
        self._labs: dict[_LabKey, _RunningLab] = {}
        self._given_up: dict[_LabKey, EngineError] = {}
        self._lock = threading.Lock()
        self.errors: list[EngineError] = []

    def make(
        self,
        scenario: Scenario,
        attempt: PlannedAttempt,
        *,
        limit_s: float,
        upcoming: tuple[Scenario, PlannedAttempt] | None = None,
    ) -> EndedAttempt:
        """Make an attempt in the scenario's lab, and return it with its result.

        Starts the lab if it does not run. `upcoming` is the attempt that is asked for next, if
        that is known: its container starts meanwhile. Keys must be unique in the session.

        Raise EngineError if the lab broke. A lab that never worked is not started again; one that
        did is, for the next attempt. Threads wait for each other.
        """
        with self._lock:
            key = lab_key(scenario)
            try:
                lab = self._lab(scenario)
                following = None
                if upcoming and lab_key(upcoming[0]) == key and lab.serves(upcoming[0]):
                    following = upcoming[1]
                return lab.make(attempt, limit_s=limit_s, upcoming=following)
            except EngineError as error:
                self._note_broken(key, error)
                raise

    def _lab(self, scenario: Scenario) -> _RunningLab:
        """Return the lab that has all services of a scenario. Start one if there is none."""
        key = lab_key(scenario)
        if key in self._given_up:
            known = self._given_up[key]
            raise EngineError(known.message, where=known.where, hint=known.hint)
        lab = self._labs.get(key)
        if lab and lab.serves(scenario) and lab.is_usable():
            return lab
        self._remove(key)
        if scenario.exclusive:
            self._remove_exclusive()
        if all(other.path != scenario.path for other in self._expected):
            self._expected.append(scenario)
        together = [other for other in self._expected if lab_key(other) == key]
        self._labs[key] = _RunningLab(self._engine, lab_of(together))
        return self._labs[key]

    def _note_broken(self, key: _LabKey, error: EngineError) -> None:
        """Give up a lab that never worked: later attempts in it get the same error at once."""
        lab = self._labs.get(key)
        if lab is None or not lab.has_worked:
            self._remove(key)
            self._given_up[key] = error

    def _remove_exclusive(self) -> None:
        """Remove the labs of exclusive scenarios: there may be many, and none is used again."""
        for key in [key for key in self._labs if key[1]]:
            self._remove(key)

    def _remove(self, key: _LabKey) -> None:
        """Take down a lab, if it is running. An error is kept."""
        lab = self._labs.pop(key, None)
        if lab is not None:
            with self._noted():
                lab.close()

    def close(self, *, interrupted: bool) -> None:
        """Remove all labs. If tests were `interrupted`, do not wait for what is being started."""
        if interrupted:
            with self._noted():
                self._engine.stop()
        for key in list(self._labs):
            self._remove(key)
        if interrupted or self.errors:
            with self._noted():
                self._engine.sweep()

    @contextmanager
    def _noted(self) -> Iterator[None]:
        """Keep an EngineError that is raised inside the block, instead of raising it."""
        try:
            yield
        except EngineError as error:
            self.errors.append(error)


class _RunningLab:
    """A lab that runs, and its tap. Started at once; `close` removes it."""

    def __init__(self, engine: Engine, lab: PlannedLab) -> None:
        """Start the lab and its tap. Raise EngineError if that fails."""
        self._stack = ExitStack()
        self._services = {service.name for service in lab.services}
        self.has_worked = False
        """Whether an attempt could be made."""
        running = self._stack.enter_context(engine.lab(lab))
        self._tap = self._stack.enter_context(ReplaceableTap(running))

    def serves(self, scenario: Scenario) -> bool:
        """Tell whether all services of a scenario run in this lab."""
        return self._services.issuperset(service.name for service in scenario.services)

    def is_usable(self) -> bool:
        """Tell whether attempts can still be made here, which ends with any of its services."""
        try:
            self._tap.ready()
        except EngineError:
            return False
        return True

    def make(
        self, attempt: PlannedAttempt, *, limit_s: float, upcoming: PlannedAttempt | None
    ) -> EndedAttempt:
        """Make an attempt in this lab."""
        ended = self._tap.make(attempt, limit_s=limit_s, upcoming=upcoming)
        self.has_worked = True
        return ended

    def close(self) -> None:
        """Take the lab down."""
        self._stack.close()
