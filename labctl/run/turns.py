"""Whose turn it is: attempts side by side, fewer on a busy machine, and one alone."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from labctl.run.machine import MachineTurns

_MOMENT_S = 0.1
_READY_FOR_EACH = 4
"""Processes for each processor that want to run: with more, all processors are taken."""
_SAMPLES = 5


class ProcessorLoad:
    """The load of this machine's processors, as Linux counts it."""

    def __init__(self, stat: Path = Path("/proc/stat")) -> None:
        """Take the file in which the kernel counts the processes that want to run."""
        self._stat = stat
        self._processors = os.cpu_count() or 1
        self._samples: deque[float] = deque([_load_of_the_last_minute()] * _SAMPLES, _SAMPLES)

    def is_full(self) -> bool:
        """Tell whether many more processes want to run than there are processors, by the last few
        times that this was asked, since a single moment says little; at first, by the load of the
        last minute. Where the kernel doesn't say, it is never full.
        """
        self._samples.append(self._count())
        return sum(self._samples) > _READY_FOR_EACH * self._processors * _SAMPLES

    def _count(self) -> int:
        """Return how many processes run or want to run now; 0 if that is not known."""
        try:
            lines = self._stat.read_text("ascii").splitlines()
        except OSError:
            return 0
        return next((int(line.split()[1]) for line in lines if line.startswith("procs_running")), 0)


def _load_of_the_last_minute() -> float:
    """Return how many processes wanted to run in the last minute, on average; 0 if unknown, as on
    Windows.
    """
    try:
        return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    except OSError:
        return 0.0


class Turns:
    """Lets attempts begin: side by side, one at a time while the processors are taken, or one
    alone, with nothing else of this run or of another labctl on the machine.
    """

    def __init__(
        self,
        *,
        is_full: Callable[[], bool],
        is_stopped: Callable[[], bool],
        tell: Callable[[], None] = lambda: None,
        machine: MachineTurns | None = None,
    ) -> None:
        """Take what tells whether the processors are taken, and whether the run is stopped: then
        nobody waits any more. `tell` is called once, when the first attempt has to wait for a
        processor.
        """
        self._machine = machine or MachineTurns()
        self._is_full = is_full
        self._is_stopped = is_stopped
        self._tell = tell
        self._has_told = False
        self._changed = threading.Condition()
        self._running = 0
        self._waiting_alone = 0

    def together(self) -> AbstractContextManager[None]:
        """Return a context that waits for a turn beside others; the turn ends with it."""
        return self._turn(self._must_wait, self._machine.together)

    def _must_wait(self) -> bool:
        """Tell whether another attempt must wait: for one alone, or for a processor."""
        if self._waiting_alone:
            return True
        if not self._running or not self._is_full():
            return False
        if not self._has_told:
            self._has_told = True
            self._tell()
        return True

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until nothing else runs; nothing else begins before the context ends."""
        with self._changed:
            self._waiting_alone += 1
        try:
            with self._turn(lambda: self._running > 0, self._machine.alone):
                yield
        finally:
            with self._changed:
                self._waiting_alone -= 1
                self._changed.notify_all()

    @contextmanager
    def _turn(
        self,
        must_wait: Callable[[], bool],
        on_machine: Callable[[Callable[[], bool]], AbstractContextManager[None]],
    ) -> Iterator[None]:
        """Wait as long as this run makes it wait, then as long as other labctls do; then count as
        running until the context ends.
        """
        with self._changed:
            while not self._is_stopped() and must_wait():
                self._changed.wait(_MOMENT_S)
            self._running += 1
        try:
            with on_machine(self._is_stopped):
                yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()
