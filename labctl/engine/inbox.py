"""The lines that a container has written so far, for several threads to wait on."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice


class Inbox:
    """Lines that one thread gets from a container, for others to wait on and look through.

    Lines have numbers, from 0 on. Only the last `most` are kept, and of these no more than `room`
    bytes hold, but one in any case.
    """

    def __init__(self, *, most: int = 20_000, room: int = 4 * 1024 * 1024) -> None:
        """Take how many lines, and how many bytes of them, are kept; the oldest are dropped
        first.
        """
        self._lines: deque[bytes] = deque()
        self._most = most
        self._room = room
        self._count = 0
        self._changed = threading.Condition()
        self._has_ended = False

    def add(self, line: bytes) -> None:
        """Add a line, and wake up those who wait for one."""
        with self._changed:
            self._keep(line)
            self._count += 1
            self._changed.notify_all()

    def end(self) -> None:
        """Note that no more lines will come, and wake up those who wait for one."""
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()

    def _keep(self, line: bytes) -> None:
        """Add a line, and drop the oldest lines if there are too many."""
        self._lines.append(line)
        self._room -= len(line)
        while len(self._lines) > self._most or (self._room < 0 and len(self._lines) > 1):
            self._room += len(self._lines.popleft())

    def wait_for(
        self, matches: Callable[[bytes], bool], *, start: int = 0, deadline: float
    ) -> bool:
        """Return whether a line from number `start` on that matches came before the deadline (a
        time of time.monotonic()). Returns False at once where no more lines will come.
        """
        with self._changed:
            while True:
                if any(matches(line) for line in self._from(start)):
                    return True
                start = self._count
                left = deadline - time.monotonic()
                if self._has_ended or left <= 0:
                    return False
                self._changed.wait(left)

    @property
    def has_ended(self) -> bool:
        """Whether no more lines will come."""
        with self._changed:
            return self._has_ended

    def since(self, start: int) -> tuple[bytes, ...]:
        """Return the lines from number `start` on that are kept."""
        with self._changed:
            return tuple(self._from(start))

    def lost(self, start: int) -> int:
        """Return how many lines from number `start` on are not kept any more."""
        with self._changed:
            return max(0, self._count - len(self._lines) - start)

    def _from(self, start: int) -> Iterator[bytes]:
        """Yield the lines from number `start` on, oldest first. They are counted off from the
        newest end, so that a look at the last few is cheap.
        """
        number = min(len(self._lines), self._count - start)
        return reversed(list(islice(reversed(self._lines), max(0, number))))

    def __len__(self) -> int:
        """Return how many lines have come so far, kept or not."""
        with self._changed:
            return self._count
