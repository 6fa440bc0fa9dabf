"""Runs a plan on an engine: labs side by side, attempts in parallel, never more than `jobs`."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from typing import TYPE_CHECKING

from labctl.engine.protocol import Engine, Lab
from labctl.errors import EngineError
from labctl.model.plan import Plan, PlannedAttempt, PlannedLab
from labctl.model.result import AttemptResult, Verdict
from labctl.run.signals import deferred, interruptible
from labctl.run.taps import ReplaceableTap
from labctl.run.waiting import WaitingLine

if TYPE_CHECKING:
    from labctl.run.examine import EndedAttempt

_MOMENT_S = 0.1


class Runner:
    """Runs one plan, once: `for ended in runner.run(plan)`.

    `results` holds the results of the attempts that were yielded, in their order and without bulk.
    `errors` holds what kept labs from starting or from being removed.
    """

    def __init__(
        self, engine: Engine, *, jobs: int, limit_s: float, fail_fast: bool = False,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        """Take the engine, and how many attempts are made at the same time.

        With `fail_fast`, no attempt is begun after one that did not pass; those that run are made
        to their end. `prepare` is called in a thread of its own while the first labs start, and has
        returned before the first attempt is yielded.
        """
        self._engine = engine
        self._jobs = jobs
        self._limit_s = limit_s
        self._fail_fast = fail_fast
        self._prepare = prepare
        self._is_enough = threading.Event()
        self._is_stopped = threading.Event()
        self._slots = threading.BoundedSemaphore(jobs)
        self._handover = _Handover(self._is_stopped)
        self._bug: BaseException | None = None
        self.results: list[AttemptResult] = []
        self.errors: list[EngineError] = []

    def run(self, plan: Plan) -> Generator[EndedAttempt]:
        """Make every attempt of the plan, and yield each as it ends, in the caller's thread.

        The thread that made an attempt waits until the caller asks for the next one: the lab of
        the last attempt still runs while the caller deals with it. A lab that breaks makes
        results, not exceptions.

        Where signals are `terminable`, they wait while the caller deals with an attempt. What
        interrupts the caller stops the engine; once everything has ended, the attempts that ended
        before are yielded, and it is raised again. A bug, or what `prepare` raises, is raised when
        everything has ended, and keeps further attempts from being made. Close the generator to
        stop early.
        """
        try:
            with deferred(), ThreadPoolExecutor(1) as aside, ThreadPoolExecutor(self._jobs) as pool:
                try:
                    prepared = aside.submit(self._prepare_all)
                    self._handover.expect(len(plan.labs))
                    for lab in plan.labs:
                        pool.submit(self._run_lab, lab)
                    yield from self._handed_over()
                    prepared.result()
                except BaseException:
                    self._stop(pool)
                    raise
        except GeneratorExit:
            raise
        except BaseException:
            yield from map(self._noted, self._handover.leftovers())
            raise
        if self._bug is not None:
            raise self._bug

    def _prepare_all(self) -> None:
        """Import what is needed to examine an attempt, and call the caller's `prepare`. It runs in
        a thread of its own, because an import in the main thread may swallow a KeyboardInterrupt.
        """
        from labctl.run import examine  # noqa: F401, PLC0415 takes long
        from labctl.wire.dns import preload  # noqa: PLC0415

        try:
            self._prepare()
            preload()
        except BaseException:
            self._is_stopped.set()
            raise
        finally:
            self._handover.open()

    def _handed_over(self) -> Iterator[EndedAttempt]:
        """Yield attempts as they end, and let each worker go on once its attempt has been used."""
        while self._handover.is_expected():
            with interruptible():
                self._handover.wait()
            while (entry := self._handover.take()) is not None:
                ended, is_done = entry
                try:
                    yield self._noted(ended)
                finally:
                    is_done.set()

    def _noted(self, ended: EndedAttempt) -> EndedAttempt:
        """Keep the attempt's result, without what takes most room, and return the attempt."""
        self.results.append(ended.without_bulk().result)
        return ended

    def _stop(self, pool: ThreadPoolExecutor) -> None:
        """Stop all labs and workers. An error while doing so is kept."""
        self._is_stopped.set()
        self._handover.release()
        pool.shutdown(wait=False, cancel_futures=True)
        try:
            self._engine.stop()
        except EngineError as error:
            self.errors.append(error)

    # --- in other threads -------------------------------------------------------------------------

    def _run_lab(self, lab: PlannedLab) -> None:
        """Make all attempts of a lab. A bug of labctl ends the whole run."""
        try:
            if self._goes_on():
                self._run_attempts(lab)
        except BaseException as bug:  # noqa: BLE001 raised by `run`, when all have stopped
            self._fail(bug)
        finally:
            self._handover.lab_ended()

    def _run_attempts(self, lab: PlannedLab) -> None:
        """Start a lab, and make its attempts with as many workers as it allows."""
        waiting: queue.SimpleQueue[PlannedAttempt] = queue.SimpleQueue()
        for attempt in lab.attempts:
            waiting.put(attempt)
        workers = 1 if lab.serial else min(self._jobs, len(lab.attempts))
        try:
            with self._engine.lab(lab) as running, ThreadPoolExecutor(workers) as pool:
                lines = [WaitingLine(waiting, spare=workers - 1) for _ in range(workers)]
                working = [
                    pool.submit(self._work, running, line, serial=lab.serial) for line in lines
                ]
                for worker in as_completed(working):
                    worker.result()
        except EngineError as error:
            errors = _error_chain(error)
            self.errors += errors
            for attempt in WaitingLine(waiting, spare=0):
                self._hand_over_error(attempt, errors[0])

    def _work(self, lab: Lab, line: WaitingLine, *, serial: bool) -> None:
        """Make the waiting attempts of a lab one after the other, until none is left.

        A serial lab is given up after an attempt that broke it: its attempts are of people who need
        not be friends, and what one of them broke, the next must not find.
        """
        with self._slots, line:
            try:
                with ReplaceableTap(lab) as tap:
                    while self._goes_on() and line:
                        tap.ready()
                        self._make_next(tap, line, serial=serial)
            except EngineError:
                raise
            except BaseException as bug:  # noqa: BLE001 as above
                self._fail(bug)

    def _make_next(self, tap: ReplaceableTap, line: WaitingLine, *, serial: bool) -> None:
        """Make the next waiting attempt, and hand it over. If the lab breaks, its result is an
        error.
        """
        attempt = next(line, None) if self._goes_on() else None
        if attempt is None:
            return
        try:
            ended = tap.make(attempt, limit_s=self._limit_s, upcoming=line.upcoming())
        except EngineError as error:
            self._hand_over_error(attempt, error)
            if serial:
                raise
        else:
            self._hand_over(ended)

    def _goes_on(self) -> bool:
        """Tell whether more attempts are to be begun."""
        return not (self._is_stopped.is_set() or self._is_enough.is_set())

    def _fail(self, bug: BaseException) -> None:
        """End the run because of a bug, which is raised in the caller's thread."""
        self._bug = bug
        self._is_stopped.set()

    def _hand_over_error(self, attempt: PlannedAttempt, error: EngineError) -> None:
        """Hand over an attempt that the lab could not make. After a stop it is left out, because
        then we broke the lab.
        """
        from labctl.run.examine import lab_error  # noqa: PLC0415 not before labs have started

        if not self._is_stopped.is_set():
            self._hand_over(lab_error(attempt, error))

    def _hand_over(self, ended: EndedAttempt) -> None:
        """Hand over an attempt that has ended, and wait until it has been used."""
        if self._fail_fast and ended.result.verdict not in (Verdict.PASS, None):
            self._is_enough.set()
        self._handover.put(ended)


class _Handover:
    """Passes attempts that have ended from the threads that made them to the caller's.

    A signal may interrupt `wait`, which takes nothing: so nothing is lost.
    """

    def __init__(self, is_stopped: threading.Event) -> None:
        """Take the event of the run's stop: after it, nobody waits for the caller any more."""
        self._is_stopped = is_stopped
        self._is_open = threading.Event()
        self._lock = threading.Lock()
        self._ended: deque[tuple[EndedAttempt, threading.Event]] = deque()
        self._news: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._labs = 0

    def expect(self, labs: int) -> None:
        """Set how many labs there are; `lab_ended` counts them down."""
        self._labs = labs

    def open(self) -> None:
        """Let the caller take attempts from now on."""
        self._is_open.set()
        self._news.put(None)

    def put(self, ended: EndedAttempt) -> None:
        """Hand an attempt over, and wait until the caller has dealt with it."""
        is_done = threading.Event()
        self._ended.append((ended, is_done))
        self._news.put(None)
        if not self._is_stopped.is_set():
            is_done.wait()

    def lab_ended(self) -> None:
        """Note that a lab has ended."""
        with self._lock:
            self._labs -= 1
        self._news.put(None)

    def release(self) -> None:
        """Wake up all threads that wait for the caller. The attempts that they handed over stay."""
        for _, is_done in list(self._ended):
            is_done.set()

    def is_expected(self) -> bool:
        """Tell whether more attempts may come."""
        return bool(self._labs or self._ended) or not self._is_open.is_set()

    def wait(self) -> None:
        """Wait until something has changed, but at most a moment.

        A signal that comes just before the thread begins to wait does not wake it up: Python calls
        the handler only when the wait is over.
        """
        with suppress(queue.Empty):
            self._news.get(timeout=_MOMENT_S)

    def take(self) -> tuple[EndedAttempt, threading.Event] | None:
        """Return an attempt, and the event to set when it is dealt with; None if there is none."""
        return self._ended.popleft() if self._ended and self._is_open.is_set() else None

    def leftovers(self) -> Iterator[EndedAttempt]:
        """Yield the attempts that the caller has not taken. To be called when all threads have
        ended.
        """
        while self._ended:
            yield self._ended.popleft()[0]


def _error_chain(last: EngineError) -> list[EngineError]:
    """Return an error and those that it was raised while handling, the first one first. A lab that
    broke may fail to be removed, too. Causes are left out, because an error's message tells its
    cause.
    """
    chain: list[EngineError] = []
    error: BaseException | None = last
    while error:
        if isinstance(error, EngineError):
            chain.insert(0, error)
        while error.__cause__:
            error = error.__cause__
        error = error.__context__
    return chain
