"""Passes attempts that have ended from the threads that made them to the one that uses them."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labctl.run.examine import EndedAttempt

_MOMENT_S = 0.1


class Handover:
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
