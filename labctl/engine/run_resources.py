"""What one run makes on an engine and removes again, each at its time.

An engine that is told to remove a container twice at once, or to start and remove it at the same
moment, may lose sight of it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from labctl.engine import cleanup
from labctl.engine.cleanup import Held
from labctl.engine.runtime import Busy, Resource, ResourceKind, Runtime
from labctl.errors import EngineError


class RunResources:
    """Keeps apart what the threads of one run do on an engine: nothing is removed by two of them at
    the same time, and after `close` nothing is made any more.
    """

    def __init__(self, runtime: Runtime) -> None:
        """Take the runtime."""
        self._runtime = runtime
        self._changed = threading.Condition()
        self._is_closed = False
        self._being_made = 0
        self._being_removed: set[str] = set()
        self.held: list[Held] = []
        """What the engine did not let go of."""

    @contextmanager
    def making(self) -> Iterator[None]:
        """Make or start something inside the block. Raise EngineError if the run was stopped."""
        with self._changed:
            self.check_running()
            self._being_made += 1
        try:
            yield
        finally:
            with self._changed:
                self._being_made -= 1
                self._changed.notify_all()

    def check_running(self) -> None:
        """Raise EngineError if the run has been stopped."""
        if self._is_closed:
            raise EngineError("the run was stopped")

    def close(self) -> None:
        """Let nothing be made from now on, and wait for the engine's answer about what is."""
        with self._changed:
            self._is_closed = True
            self._changed.wait_for(lambda: not self._being_made)

    def resources(self, kind: ResourceKind, labels: Sequence[str]) -> list[Resource]:
        """Ask the engine for all things of a kind that have all of these labels."""
        return self._runtime.resources(kind, labels)

    def discard(self, kind: ResourceKind, id_: str) -> None:
        """Remove a thing as soon as the engine can. What it does not let go of is noted."""
        try:
            cleanup.remove(self, kind, id_)
        except Busy as refusal:
            self.held.append(Held(kind=kind, id=id_, reason=refusal.message))

    def remove(self, kind: ResourceKind, id_: str) -> None:
        """Remove a thing, as Runtime.remove does, once no other thread is removing it."""
        with self._changed:
            self._changed.wait_for(lambda: id_ not in self._being_removed)
            self._being_removed.add(id_)
        try:
            self._runtime.remove(kind, id_)
        finally:
            with self._changed:
                self._being_removed.discard(id_)
                self._changed.notify_all()
