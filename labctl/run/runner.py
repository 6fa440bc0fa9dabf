"""Runs a plan on an engine: labs side by side, attempts in parallel, never more than `jobs`."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Self

from labctl.engine.protocol import Engine, Lab, Tap
from labctl.errors import EngineError
from labctl.model.plan import Plan, PlannedAttempt, PlannedLab
from labctl.model.result import AttemptResult, Verdict

if TYPE_CHECKING:
    from labctl.run.examine import Ended

Report = Callable[["Ended"], None]


class Runner:
    """Runs one plan, once. `results` grows while it works, in the order in which attempts end, and
    has them slim: what is to be kept whole, the reporter keeps.
    """

    def __init__(
        self, engine: Engine, *, jobs: int, limit_s: float, reporter: Callable[[], Report],
        fail_fast: bool = False,
    ) -> None:  # fmt: skip
        """`reporter` makes who is told of each attempt that has ended, by one thread at a time. It
        is called in a thread of its own while the first labs start. With `fail_fast`, no more are
        made after one that is not as expected; those that run are made to their end.
        """
        self._engine = engine
        self._jobs = jobs
        self._limit_s = limit_s
        self._reporter = reporter
        self._fail_fast = fail_fast
        self._enough = threading.Event()
        self._report: Future[Report] = Future()
        self._slots = threading.BoundedSemaphore(jobs)
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._bug: BaseException | None = None
        self.results: list[AttemptResult] = []
        self.troubles: list[EngineError] = []
        """What kept labs from starting, or from being taken down."""

    def run(self, plan: Plan) -> None:
        """Run every attempt of the plan; a lab that breaks makes results, not exceptions.

        What interrupts the caller (KeyboardInterrupt) stops the engine, and is raised again when
        everything that ran has ended. What `report` raises, or a bug, is raised then too, and
        keeps further attempts from being made.
        """
        with ThreadPoolExecutor(1) as aside, ThreadPoolExecutor(self._jobs) as pool:
            try:
                self._report = aside.submit(self._prepare)
                for lab in as_completed([pool.submit(self._run_lab, lab) for lab in plan.labs]):
                    lab.result()
                self._report.result()
            except BaseException:
                self._stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)
                self._stop_engine()
                raise
        if self._bug is not None:
            raise self._bug

    def _prepare(self) -> Report:
        """Import what looking at an attempt takes, while the labs start.

        In a thread of its own: an import in the main thread may swallow a KeyboardInterrupt.
        """
        from labctl.run import examine  # noqa: F401, PLC0415
        from labctl.wire.dns import preload  # noqa: PLC0415

        report = self._reporter()
        preload()
        return report

    def _stop_engine(self) -> None:
        try:
            self._engine.stop()
        except EngineError as error:
            self.troubles.append(error)

    def _run_lab(self, lab: PlannedLab) -> None:
        if self._stopped.is_set() or self._enough.is_set():
            return
        waiting: queue.SimpleQueue[PlannedAttempt] = queue.SimpleQueue()
        for attempt in lab.attempts:
            waiting.put(attempt)
        workers = 1 if lab.in_turn else min(self._jobs, len(lab.attempts))
        try:
            with self._engine.lab(lab) as running, ThreadPoolExecutor(workers) as pool:
                working = [
                    pool.submit(
                        self._work, running, _Line(waiting, spare=workers - 1, in_turn=lab.in_turn)
                    )
                    for _ in range(workers)
                ]
                for worker in as_completed(working):
                    worker.result()
        except EngineError as error:
            troubles = _one_after_the_other(error)
            self.troubles += troubles
            self._give_up(waiting, troubles[0])

    def _work(self, lab: Lab, line: _Line) -> None:
        """Make attempts until none is left, in a tap that is replaced where an attempt broke it.

        Those to be made in turn are of people who need not be friends: what one of them broke, the
        next is not to find, and the lab is given up.
        """
        with self._slots, line:
            try:
                while self._goes_on() and line:
                    with lab.tap() as tap:
                        while self._next(tap, line):
                            pass
            except EngineError:
                raise
            except BaseException as bug:  # noqa: BLE001 raised by `run`, when all have stopped
                self._bug = bug
                self._stopped.set()

    def _next(self, tap: Tap, line: _Line) -> bool:
        """Make the next attempt; whether the tap is good for another."""
        attempt = line.take() if self._goes_on() else None
        if attempt is None:
            return False
        try:
            ended = self._attempt(tap, attempt, line.upcoming())
        except EngineError as error:
            self._add_error(attempt, error)
            if line.in_turn:
                raise
            return False
        self._add(ended)
        return not ended.leaves_traces

    def _attempt(self, tap: Tap, attempt: PlannedAttempt, upcoming: PlannedAttempt | None) -> Ended:
        from labctl.run.examine import examine  # noqa: PLC0415 needed when labs have started

        return examine(attempt, tap.attempt(attempt, limit_s=self._limit_s, upcoming=upcoming))

    def _goes_on(self) -> bool:
        return not (self._stopped.is_set() or self._enough.is_set())

    def _give_up(self, waiting: queue.SimpleQueue[PlannedAttempt], error: EngineError) -> None:
        while True:
            try:
                self._add_error(waiting.get_nowait(), error)
            except queue.Empty:
                return

    def _add_error(self, attempt: PlannedAttempt, error: EngineError) -> None:
        """Note that the lab broke, unless it was we who stopped it: then nothing was found out."""
        from labctl.run.examine import lab_broke  # noqa: PLC0415 as above

        if not self._stopped.is_set():
            self._add(lab_broke(attempt, error))

    def _add(self, ended: Ended) -> None:
        with self._lock:
            self.results.append(ended.slim().result)
            if self._fail_fast and ended.result.verdict not in (Verdict.PASS, None):
                self._enough.set()
            self._report.result()(ended)


class _Line:
    """The attempts that wait in a lab, as one of its workers sees them: it knows its next one, so
    that the engine can prepare it. Nobody takes what another, with nothing to do, could make:
    where no more than `spare` wait, there is no next one to know.
    """

    def __init__(
        self, waiting: queue.SimpleQueue[PlannedAttempt], *, spare: int, in_turn: bool
    ) -> None:
        self._waiting = waiting
        self._spare = spare
        self.in_turn = in_turn
        self._held: PlannedAttempt | None = None

    def __bool__(self) -> bool:
        return self._held is not None or not self._waiting.empty()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Give back what was not made."""
        if self._held is not None:
            self._waiting.put(self._held)
            self._held = None

    def take(self) -> PlannedAttempt | None:
        """The next attempt, to be made now; None where there is none."""
        held, self._held = self._held, None
        return held or self._get()

    def upcoming(self) -> PlannedAttempt | None:
        """The one after that, which this worker will take, if it is known by now."""
        if self._held is None and self._waiting.qsize() > self._spare:
            self._held = self._get()
        return self._held

    def _get(self) -> PlannedAttempt | None:
        try:
            return self._waiting.get_nowait()
        except queue.Empty:
            return None


def _one_after_the_other(last: EngineError) -> list[EngineError]:
    """The error, and before it those that were being dealt with when it came: a lab that broke may
    fail to be taken down, too. What an error was raised from, it says in its own words.
    """
    found: list[EngineError] = []
    error: BaseException | None = last
    while error:
        if isinstance(error, EngineError):
            found.insert(0, error)
        while error.__cause__:
            error = error.__cause__
        error = error.__context__
    return found
