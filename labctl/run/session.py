"""Labs that stay while attempts are made in them one by one, as somebody asks for each.

A Runner knows all its attempts before it starts. A Session does not: tests ask for one attempt
after the other. Scenarios of one Compose file share a lab here too; an exclusive one has its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from labctl.engine.protocol import Engine
from labctl.errors import EngineError, EngineGone, ServiceError
from labctl.model.plan import PlannedAttempt, PlannedLab
from labctl.model.scenario import Scenario
from labctl.run.absence import STARTS, EngineAbsence
from labctl.run.plan import lab_key, lab_of
from labctl.run.taps import ReplaceableTap
from labctl.run.turns import ProcessorLoad, Turns

if TYPE_CHECKING:
    from labctl.run.examine import EndedAttempt

_LabKey = tuple[Path, str]


class Session:
    """The labs of one process. `errors` holds what kept labs from being removed."""

    def __init__(
        self, engine: Engine, expected: Iterable[Scenario] = (), *,
        on_gone: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        """Take the engine. The services of all `expected` scenarios start with the first of
        them. `on_gone` is called if the engine went away and is waited for.
        """
        self._engine = engine
        self._expected = list(expected)
        self._labs: dict[_LabKey, _RunningLab] = {}
        self._given_up: dict[tuple[_LabKey, str], EngineError] = {}
        """What never worked: a lab's service, or the whole lab where the name is empty."""
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._turns = Turns(is_full=ProcessorLoad().is_full, is_stopped=self._stopped.is_set)
        self.errors: list[EngineError] = []
        self._absence = EngineAbsence(engine, self._stopped, on_gone, self.errors.append)

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

        Raise EngineError if the lab broke. A lab, or a service of it, that never worked is not
        started again; one that did is, for the next attempt. A service that broke is no concern of
        attempts that do not need it. If the engine went away, wait for it, and make the attempt in
        a new lab. Threads wait for each other.
        """
        with self._lock:
            key = lab_key(scenario)
            self._check_given_up(key, attempt)
            try:
                for _ in range(1, STARTS):
                    try:
                        return self._make(scenario, attempt, limit_s, upcoming)
                    except EngineGone:
                        self._take_down(key)
                        self._absence.wait_for_end()
                return self._make(scenario, attempt, limit_s, upcoming)
            except EngineGone:
                self._take_down(key)
                raise
            except EngineError as error:
                self._note_broken(key, error)
                raise

    def _check_given_up(self, key: _LabKey, attempt: PlannedAttempt) -> None:
        """Raise the EngineError that the lab, or a service that the attempt needs, was given up
        for.
        """
        for name in ("", *attempt.services):
            known = self._given_up.get((key, name))
            if known is not None:
                raise EngineError(known.message, where=known.where, hint=known.hint)

    def _make(
        self,
        scenario: Scenario,
        attempt: PlannedAttempt,
        limit_s: float,
        upcoming: tuple[Scenario, PlannedAttempt] | None,
    ) -> EndedAttempt:
        """Make an attempt once, as `make` does. Raise EngineError if the lab breaks."""
        with self._turns.together():
            lab = self._lab(scenario, attempt)
        following = None
        if upcoming and lab_key(upcoming[0]) == lab_key(scenario) and lab.serves(upcoming[0]):
            following = upcoming[1]
        return lab.make(attempt, self._turns, limit_s=limit_s, upcoming=following)

    def _take_down(self, key: _LabKey) -> None:
        """Take down a lab whose engine has gone. What it can't remove is removed later."""
        lab = self._labs.pop(key, None)
        if lab is not None:
            with suppress(EngineGone):
                lab.close()

    def _lab(self, scenario: Scenario, attempt: PlannedAttempt) -> _RunningLab:
        """Return the lab that has all services of a scenario. Start one if there is none, or if
        one that the attempt needs has ended.
        """
        key = lab_key(scenario)
        lab = self._labs.get(key)
        if lab and lab.serves(scenario) and lab.is_usable(attempt):
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
        """Give up a lab, or the service of it, that never worked: later attempts that need it get
        the same error at once.
        """
        lab = self._labs.get(key)
        if lab is not None and isinstance(error, ServiceError):
            if error.service not in lab.worked:
                self._given_up[key, error.service] = error
        elif lab is None or not lab.worked:
            self._remove(key)
            self._given_up[key, ""] = error

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
        self._stopped.set()
        if interrupted:
            with self._noted():
                self._engine.stop()
        for key in list(self._labs):
            self._remove(key)
        if interrupted or self.errors:
            with self._noted():
                self._engine.sweep()
        if trouble := self._engine.trouble():
            self.errors.append(trouble)

    @contextmanager
    def _noted(self) -> Iterator[None]:
        """Keep an EngineError that is raised inside the block, instead of raising it; but only the
        first that says that the engine has gone.
        """
        try:
            yield
        except EngineGone as error:
            if not any(isinstance(known, EngineGone) for known in self.errors):
                self.errors.append(error)
        except EngineError as error:
            self.errors.append(error)


class _RunningLab:
    """A lab that runs, and its tap. Started at once; `close` removes it."""

    def __init__(self, engine: Engine, lab: PlannedLab) -> None:
        """Start the lab and its tap. Raise EngineError if that fails."""
        self._stack = ExitStack()
        self._services = {service.name for service in lab.services}
        self.worked: set[str] = set()
        """The services that an attempt which needs them could be made with."""
        running = self._stack.enter_context(engine.lab(lab))
        self._lab = running
        self._tap = self._stack.enter_context(ReplaceableTap(running))

    def serves(self, scenario: Scenario) -> bool:
        """Tell whether all services of a scenario run in this lab."""
        return self._services.issuperset(service.name for service in scenario.services)

    def is_usable(self, attempt: PlannedAttempt) -> bool:
        """Tell whether the attempt can still be made here, which ends with any service that it
        needs. One that never got ready would not in another lab either: then `make` raises that.
        """
        try:
            self._tap.ready()
            self._lab.check_alive(attempt.services)
        except ServiceError as error:
            return not error.was_ready
        except EngineError:
            return False
        return True

    def make(
        self,
        attempt: PlannedAttempt,
        turns: Turns,
        *,
        limit_s: float,
        upcoming: PlannedAttempt | None,
    ) -> EndedAttempt:
        """Make an attempt in this lab when its turn has come."""
        ended = self._tap.make(attempt, turns, limit_s=limit_s, upcoming=upcoming)
        self.worked.update(attempt.services)
        return ended

    def close(self) -> None:
        """Take the lab down."""
        self._stack.close()
