"""An engine that is made of events and locks, for tests of what runs on one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from labctl.errors import EngineError, ServiceError
from labctl.model.evidence import Evidence
from labctl.model.plan import PlannedAttempt, PlannedLab
from labctl.model.result import EngineInfo
from tests.unit.judge.samples import evidence, planned, report

LIMIT_S = 10
"""How long a test waits for what must come about; it never does where the test passes."""

Client = Callable[["FakeEngine", PlannedAttempt], None]


def nothing(_engine: FakeEngine, _attempt: PlannedAttempt) -> None:
    """A client that ends at once."""


def refused(_attempt: PlannedAttempt) -> Evidence:
    return evidence(report())


@dataclass
class FakeEngine:
    """Says what was done, in order. What clients do, and what breaks, is up to the test."""

    client: Client = nothing
    leaves: Callable[[PlannedAttempt], Evidence] = refused
    broken_labs: frozenset[str] = frozenset()
    broken_taps: int = 0
    """How many taps don't start, the first ones."""
    broken_services: dict[str, bool] = field(default_factory=dict)
    """Services that are known to have failed, and whether each was ready before."""
    stuck_labs: frozenset[str] = frozenset()
    """Labs that can't be taken down, by their first scenario."""
    stop_error: EngineError | None = None
    sweep_errors: list[EngineError] = field(default_factory=list)
    """What removing the rest of lost labs raises, the first times that it is tried."""
    is_there: bool = True
    held: EngineError | None = None
    said: list[str] = field(default_factory=list)
    upcoming: list[str] = field(default_factory=list)
    """Which attempt taps were told to come next, at each; empty where none was."""
    stopped: threading.Event = field(default_factory=threading.Event)
    limit_s: float = 0.0
    busy: int = 0
    busiest: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def say(self, what: str) -> None:
        with self.lock:
            self.said.append(what)

    def info(self) -> EngineInfo:
        return EngineInfo(name="fake", version="1")

    @contextmanager
    def lab(self, lab: PlannedLab) -> Iterator[FakeLab]:
        name = next(iter(lab.scenarios), "without attempts")
        if name in self.broken_labs:
            raise EngineError(f"lab {name} can't start", hint="look at its log")
        self.say(f"lab {name} up")
        try:
            yield FakeLab(self)
        finally:
            self.say(f"lab {name} down")
            if name in self.stuck_labs:
                raise EngineError(f"lab {name} can't be removed")

    def answers(self) -> bool:
        return self.is_there

    def sweep_lost(self) -> None:
        self.say("sweep lost")
        if self.sweep_errors:
            raise self.sweep_errors.pop(0)

    def trouble(self) -> EngineError | None:
        return self.held

    def stop(self) -> None:
        self.say("stop")
        self.stopped.set()
        if self.stop_error:
            raise self.stop_error

    def sweep(self) -> None:
        self.say("sweep")


@dataclass
class FakeLab:
    engine: FakeEngine

    def check_alive(self, services: Iterable[str]) -> None:
        for name in services:
            if name in self.engine.broken_services:
                raise service_error(name, was_ready=self.engine.broken_services[name])

    @contextmanager
    def tap(self) -> Iterator[FakeTap]:
        engine = self.engine
        with engine.lock:
            engine.broken_taps -= 1
            broken = engine.broken_taps >= 0
        if broken or engine.stopped.is_set():
            raise EngineError("a tap can't start")
        engine.say("tap")
        yield FakeTap(engine)


@dataclass
class FakeTap:
    engine: FakeEngine
    alone: threading.Lock = field(default_factory=threading.Lock)
    told: PlannedAttempt | None = None
    """The attempt that is to come next."""
    last: str = ""
    """The key of the last attempt, which may be made once more."""

    def attempt(
        self, attempt: PlannedAttempt, *, limit_s: float, upcoming: PlannedAttempt | None = None
    ) -> Evidence:
        if self.told is not None and attempt.key != self.last:
            is_left_out = self.engine.broken_services.keys() & {*self.told.services}
            assert is_left_out or attempt.key == self.told.key, "another attempt came than was told"
        self.last = attempt.key
        self.told = upcoming
        self.engine.upcoming.append(upcoming.attempt if upcoming else "")
        assert self.alone.acquire(blocking=False), "two attempts in one tap"
        engine = self.engine
        engine.limit_s = limit_s
        with engine.lock:
            engine.busy += 1
            engine.busiest = max(engine.busiest, engine.busy)
        try:
            engine.client(engine, attempt)
        finally:
            with engine.lock:
                engine.busy -= 1
            self.alone.release()
        return engine.leaves(attempt)


def service_error(name: str, *, was_ready: bool) -> ServiceError:
    return ServiceError(EngineError(f"service {name} died"), service=name, was_ready=was_ready)


def lab(name: str, attempts: int) -> PlannedLab:
    made = tuple(planned(scenario=name, attempt=f"{name}{n}") for n in range(1, attempts + 1))
    return PlannedLab(compose=Path(f"{name}.yaml"), scenarios=(name,), services=(), attempts=made)


def press(number: signal.Signals) -> None:
    """Send a signal to the main thread, as the kernel does with one for the process."""
    main = threading.main_thread().ident
    assert main
    signal.pthread_kill(main, number)


def interrupted(number: signal.Signals, attempt: str) -> Client:
    """Clients that end at once; while that attempt is being made, a signal comes."""

    def client(engine: FakeEngine, made: PlannedAttempt) -> None:
        engine.say(made.attempt)
        if made.attempt == attempt:
            press(number)
            assert engine.stopped.wait(LIMIT_S)
            raise EngineError("the run was stopped")

    return client
