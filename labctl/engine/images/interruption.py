"""How the makers of images, in their threads, learn that they are to stop."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from labctl.engine import sessions

_LOOK_S = 0.1

T = TypeVar("T")


class Interrupted(Exception):
    """The making of images was called off."""


class Interruption:
    """Set once, by the thread that waits for the makers; they look at it in each step."""

    def __init__(self) -> None:
        """Begin with nothing called off."""
        self._set = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []

    @property
    def is_set(self) -> bool:
        """Whether the making of images is called off."""
        return self._set.is_set()

    def set(self) -> None:
        """Call off the making of images: `check` raises from now on, and the callbacks of all
        threads inside `calling` are called, so that they stop waiting.
        """
        with self._lock:
            self._set.set()
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback()

    def check(self) -> None:
        """Raise Interrupted if the making of images is called off."""
        if self._set.is_set():
            raise Interrupted

    @contextmanager
    def calling(self, callback: Callable[[], None]) -> Iterator[None]:
        """Have `callback` called, in another thread, if the making of images is called off within
        this block.
        """
        with self._lock:
            self.check()
            self._callbacks.append(callback)
        try:
            yield
        finally:
            with self._lock:
                self._callbacks.remove(callback)

    def watch(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the items. Raise Interrupted once the making of images is called off."""
        for item in items:
            self.check()
            yield item

    def wait_for(self, process: subprocess.Popen[bytes], *, limit_s: float) -> int:
        """Wait for a process that leads a session of its own, and return its exit status.

        Raise Interrupted if the making of images is called off, and subprocess.TimeoutExpired after
        `limit_s` seconds. In both cases all processes of the session are ended first, and given
        time to tidy up.
        """
        deadline = time.monotonic() + limit_s
        try:
            while True:
                try:
                    return process.wait(_LOOK_S)
                except subprocess.TimeoutExpired:
                    self.check()
                    if time.monotonic() > deadline:
                        raise
        finally:
            sessions.end(process)
