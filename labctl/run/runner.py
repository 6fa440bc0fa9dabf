"""Runs a plan on an engine: labs side by side, attempts in parallel, never more than `jobs`."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from labctl.engine.protocol import Engine, Lab
from labctl.errors import EngineError, EngineGone, ServiceError
from labctl.model.plan import Plan, PlannedAttempt, PlannedLab
from labctl.model.result import AttemptResult, Verdict
from labctl.run.absence import STARTS, EngineAbsence
from labctl.run.handover import Handover
from labctl.run.signals import deferred, interruptible
from labctl.run.taps import ReplaceableTap
from labctl.run.turns import ProcessorLoad, Turns
from labctl.run.waiting import WaitingLine

if TYPE_CHECKING:
    from labctl.run.examine import EndedAttempt


class Runner:
    """Runs one plan, once: `for ended in runner.run(plan)`.

    `results` holds the results of the attempts that were yielded, in their order and without bulk.
    `errors` holds what kept labs from starting or from being removed.
    """

    def __init__(
        self, engine: Engine, *, jobs: int, limit_s: float, fail_fast: bool = False,
        alone: bool = False, prepare: Callable[[], None] = lambda: None,
        on_full: Callable[[], None] = lambda: None, on_gone: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        """Take the engine, and how many attempts are made at the same time, at most.

        With `fail_fast`, no attempt is begun after one that did not pass; those that run are made
        to their end. With `alone`, nothing is beside an attempt: no other labctl's attempt, and no
        container that is prepared for the next one.

        `prepare` is called in a thread of its own while the first labs start, and has returned
        before the first attempt is yielded. `on_full` is called once, in any thread, if the
        processors of this machine are taken, and attempts have to wait for that. `on_gone` is
        called, in any thread, if the engine went away and is waited for.
        """
        self._engine = engine
        self._jobs = jobs
        self._limit_s = limit_s
        self._fail_fast = fail_fast
        self._alone = alone
        self._prepare = prepare
        self._is_enough = threading.Event()
        self._is_stopped = threading.Event()
        self._slots = threading.BoundedSemaphore(jobs)
        self._turns = Turns(
            is_full=ProcessorLoad().is_full, is_stopped=self._is_stopped.is_set, tell=on_full
        )
        self.errors: list[EngineError] = []
        self._absence = EngineAbsence(engine, self._is_stopped, on_gone, self.errors.append)
        self._handover = Handover(self._is_stopped)
        self._bug: BaseException | None = None
        self.results: list[AttemptResult] = []

    def run(self, plan: Plan) -> Generator[EndedAttempt]:
        """Make every attempt of the plan, and yield each as it ends, in the caller's thread.

        The thread that made an attempt waits until the caller asks for the next one: the lab of
        the last attempt still runs while the caller deals with it. A lab that breaks makes
        results, not exceptions. If it breaks because the engine went away, it is started anew as
        soon as the engine is back, for the attempts that have not ended.

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
        """Make the attempts of a lab. If the engine goes away, wait for it, and go on with those
        that have not ended.
        """
        waiting: queue.SimpleQueue[PlannedAttempt] = queue.SimpleQueue()
        for attempt in lab.attempts:
            waiting.put(attempt)
        try:
            for _ in range(1, STARTS):
                with self._waiting_for_engine():
                    self._make_waiting(lab, waiting)
            self._make_waiting(lab, waiting)
        except EngineError as error:
            errors = [error] if isinstance(error, EngineGone) else _error_chain(error)
            self.errors += errors
            for attempt in WaitingLine(waiting, spare=0):
                self._hand_over_error(attempt, errors[0])

    def _make_waiting(self, lab: PlannedLab, waiting: queue.SimpleQueue[PlannedAttempt]) -> None:
        """Start a lab, and make the attempts that wait with as many workers as it allows. Where
        none waits, no lab is started.
        """
        if waiting.empty() or not self._goes_on():
            return
        workers = 1 if lab.serial else min(self._jobs, waiting.qsize())
        with self._lab(lab) as running, ThreadPoolExecutor(workers) as pool:
            lines = [WaitingLine(waiting, spare=workers - 1) for _ in range(workers)]
            working = [pool.submit(self._work, running, line, serial=lab.serial) for line in lines]
            for worker in as_completed(working):
                worker.result()

    @contextmanager
    def _waiting_for_engine(self) -> Iterator[None]:
        """If the engine goes away inside the block, wait for it. Raise EngineGone if it stays
        away.
        """
        try:
            yield
        except EngineGone:
            self._absence.wait_for_end()

    @contextmanager
    def _lab(self, lab: PlannedLab) -> Iterator[Lab]:
        """Start a lab when its turn has come, and remove it when the context ends."""
        with ExitStack() as stack:
            with self._turns.together():
                running = stack.enter_context(self._engine.lab(lab))
            yield running

    def _work(self, lab: Lab, line: WaitingLine, *, serial: bool) -> None:
        """Make the waiting attempts of a lab one after the other, until none is left.

        A serial lab is given up after an attempt that broke it, or that needs a service that has
        ended: its attempts are of people who need not be friends, and what one of them broke, the
        next must not find. A service that never got ready was broken by none of them.
        """
        with self._slots, line:
            try:
                with ReplaceableTap(lab) as tap:
                    while self._goes_on() and line:
                        with self._turns.together():
                            tap.ready()
                        self._make_next(tap, line, serial=serial)
            except EngineError:
                raise
            except BaseException as bug:  # noqa: BLE001 as above
                self._fail(bug)

    def _make_next(self, tap: ReplaceableTap, line: WaitingLine, *, serial: bool) -> None:
        """Make the next waiting attempt, and hand it over. If the lab breaks, its result is an
        error. Raise that, too, if the lab is serial and a client may have broken it. If the engine
        goes away, the attempt waits again, and EngineGone is raised.
        """
        attempt = next(line, None) if self._goes_on() else None
        if attempt is None:
            return
        try:
            ended = tap.make(
                attempt,
                self._turns,
                limit_s=self._limit_s,
                upcoming=None if self._alone else line.upcoming(),
                alone=self._alone,
            )
        except EngineGone:
            line.put_back(attempt)
            raise
        except EngineError as error:
            self._hand_over_error(attempt, error)
            if serial and not _is_never_ready(error):
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


def _is_never_ready(error: EngineError) -> bool:
    """Tell whether an error is that a service did not get ready at all."""
    return isinstance(error, ServiceError) and not error.was_ready


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
