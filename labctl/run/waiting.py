"""The attempts that wait in a lab, as one of its workers sees them."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Self

from labctl.model.plan import PlannedAttempt


class WaitingLine(Iterator[PlannedAttempt]):
    """Takes attempts from a queue that several workers share, and knows the one that comes next.

    No worker holds back an attempt that another, with nothing to do, could make: while no more than
    `spare` attempts wait, none is known to come next. On exit, one that was held is given back.
    """

    def __init__(self, waiting: queue.SimpleQueue[PlannedAttempt], *, spare: int) -> None:
        """Take the shared queue. No attempt is held back for later while `spare` or fewer are left,
        so that other workers get them.
        """
        self._waiting = waiting
        self._spare = spare
        self._held: PlannedAttempt | None = None

    def __bool__(self) -> bool:
        """Tell whether an attempt is left for this worker."""
        return self._held is not None or not self._waiting.empty()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Put back the attempt that was held back."""
        if self._held is not None:
            self._waiting.put(self._held)
            self._held = None

    def __next__(self) -> PlannedAttempt:
        """Take the next attempt, to be made now."""
        held, self._held = self._held, None
        attempt = held or self._get()
        if attempt is None:
            raise StopIteration
        return attempt

    def put_back(self, attempt: PlannedAttempt) -> None:
        """Let an attempt that was taken wait again, behind the others."""
        self._waiting.put(attempt)

    def upcoming(self) -> PlannedAttempt | None:
        """Return the attempt that this worker will take next, and hold it; None if unknown."""
        if self._held is None and self._waiting.qsize() > self._spare:
            self._held = self._get()
        return self._held

    def _get(self) -> PlannedAttempt | None:
        """Take an attempt from the queue; None if it is empty."""
        try:
            return self._waiting.get_nowait()
        except queue.Empty:
            return None
