"""Runs a plan on an engine: labs side by side, attempts in parallel, never more than `jobs`."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace

from labctl.engine.protocol import Engine, Lab, Tap
from labctl.errors import EngineError
from labctl.judge import judge, observe
from labctl.judge.results import attempt_result, lab_error
from labctl.model.evidence import Capture
from labctl.model.packet import Wire
from labctl.model.plan import Plan, PlannedAttempt, PlannedLab
from labctl.model.result import AttemptResult, Outcome
from labctl.wire.decode import decode_all
from labctl.wire.dns import preload
from labctl.wire.flows import analyse

WHOLE_RESULTS = 200
"""Results of a run that are kept whole; those after them go without packets, calls and output."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """An attempt that has ended: its result, and what that was made of (None if the lab broke)."""

    attempt: PlannedAttempt
    result: AttemptResult
    capture: Capture | None = None
    wire: Wire | None = None


Report = Callable[[Ended], None]


class Runner:
    """Runs one plan, once. `results` grows while it works, in the order in which attempts end."""

    def __init__(self, engine: Engine, *, jobs: int, limit_s: float, report: Report) -> None:
        """`report` is told of each attempt that has ended, by one thread at a time."""
        self._engine = engine
        self._jobs = jobs
        self._limit_s = limit_s
        self._report = report
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
        with ThreadPoolExecutor(self._jobs, thread_name_prefix="run") as pool:
            try:
                labs = [pool.submit(self._run_lab, lab) for lab in plan.labs]
                preload()  # until the labs stand there is nothing else to do
                for lab in as_completed(labs):
                    lab.result()
            except BaseException:
                self._stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)
                self._stop_engine()
                raise
        if self._bug is not None:
            raise self._bug

    def _stop_engine(self) -> None:
        try:
            self._engine.stop()
        except EngineError as error:
            self.troubles.append(error)

    def _run_lab(self, lab: PlannedLab) -> None:
        if self._stopped.is_set():
            return
        waiting: queue.SimpleQueue[PlannedAttempt] = queue.SimpleQueue()
        for attempt in lab.attempts:
            waiting.put(attempt)
        workers = min(self._jobs, len(lab.attempts))
        try:
            with self._engine.lab(lab) as running, ThreadPoolExecutor(workers) as pool:
                working = [pool.submit(self._work, running, waiting) for _ in range(workers)]
                for worker in as_completed(working):
                    worker.result()
        except EngineError as error:
            first, *later = _one_after_the_other(error)
            self.troubles += [first, *later]
            self._give_up(waiting, first)

    def _work(self, lab: Lab, waiting: queue.SimpleQueue[PlannedAttempt]) -> None:
        """Make attempts until none is left, in a tap that is replaced where an attempt broke it."""
        with self._slots:
            try:
                while not (self._stopped.is_set() or waiting.empty()):
                    with lab.tap() as tap:
                        while self._next(tap, waiting):
                            pass
            except EngineError:
                raise
            except BaseException as bug:  # noqa: BLE001 raised by `run`, when all have stopped
                self._bug = bug
                self._stopped.set()

    def _next(self, tap: Tap, waiting: queue.SimpleQueue[PlannedAttempt]) -> bool:
        """Make the next attempt; whether the tap is good for another."""
        try:
            attempt = waiting.get_nowait()
        except queue.Empty:
            return False
        try:
            ended = self._attempt(tap, attempt)
        except EngineError as error:
            self._add_error(attempt, error)
            return False
        self._add(ended)
        return not leaves_traces(ended)

    def _attempt(self, tap: Tap, attempt: PlannedAttempt) -> Ended:
        evidence = tap.attempt(attempt, limit_s=self._limit_s)
        capture = evidence.capture
        wire = look_at(capture) if capture else None
        observation = observe(evidence, wire)
        result = attempt_result(attempt, observation, judge(attempt.expectation, observation))
        return Ended(attempt=attempt, result=result, capture=capture, wire=wire)

    def _give_up(self, waiting: queue.SimpleQueue[PlannedAttempt], error: EngineError) -> None:
        while True:
            try:
                self._add_error(waiting.get_nowait(), error)
            except queue.Empty:
                return

    def _add_error(self, attempt: PlannedAttempt, error: EngineError) -> None:
        """Note that the lab broke, unless it was we who stopped it: then nothing was found out."""
        if not self._stopped.is_set():
            self._add(Ended(attempt=attempt, result=lab_error(attempt, error)))

    def _add(self, ended: Ended) -> None:
        with self._lock:
            if len(self.results) >= WHOLE_RESULTS:
                ended = replace(ended, result=slim(ended.result))
            self.results.append(ended.result)
            self._report(ended)


def _one_after_the_other(last: EngineError) -> list[EngineError]:
    """The error, and before it those that were being dealt with when it came: a lab that broke may
    fail to be taken down, too.
    """
    found: list[EngineError] = []
    error: BaseException | None = last
    while error:
        if isinstance(error, EngineError):
            found.insert(0, error)
        error = error.__context__
    return found


def slim(result: AttemptResult) -> AttemptResult:
    """The result without what takes most room: of thousands, nobody reads every packet."""
    if result.observed is None:
        return result
    bulk = {"packets": (), "calls": (), "stdout": "", "stderr": ""}
    return result.model_copy(update={"observed": result.observed.model_copy(update=bulk)})


def leaves_traces(ended: Ended) -> bool:
    """Whether packets of this attempt may still turn up in its tap: the kernel goes on with a
    connection that was not closed, after the client has gone.
    """
    seen = ended.result.observed
    done = seen is not None and seen.outcome in (Outcome.RAISED, Outcome.RETURNED)
    flows = ended.wire.flows if ended.wire else ()
    return not done or any(flow.outcome == "open" for flow in flows)


def look_at(capture: Capture) -> Wire:
    """What a capture shows."""
    packets = decode_all(capture.packets)
    return analyse(packets, names=capture.names, resolvers=capture.resolvers)
