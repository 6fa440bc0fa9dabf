"""The containers of one lab: made with its labels, and remembered until they are removed."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from labctl.engine.run_resources import RunResources
from labctl.engine.runtime import (
    ContainerSpec,
    ContainerState,
    ResourceKind,
    Runtime,
    doing,
)
from labctl.engine.streams import Stream

_T = TypeVar("_T")

_PARALLEL = 8


class LabContainers:
    """Makes containers for one lab, and removes them in the end unless the lab is to be kept.

    Its methods raise EngineError where the engine refuses, or the run has been stopped.
    """

    def __init__(
        self, runtime: Runtime, resources: RunResources, *, lab: str, labels: Mapping[str, str],
        keep: bool,
    ) -> None:  # fmt: skip
        """Take the lab's name, which all its containers' names begin with. Whatever is made or
        removed goes through the `resources` of the run.
        """
        self._runtime = runtime
        self._resources = resources
        self._lab = lab
        self.labels = labels
        self.keep = keep
        self.check_running = resources.check_running
        self._pool = ThreadPoolExecutor(_PARALLEL, thread_name_prefix="lab")
        self._present: list[str] = []
        self._leaving: set[str] = set()
        self._lock = threading.Lock()

    def new_name(self, part: str) -> str:
        """Return a name for a container that people can read in a list of all containers."""
        return f"{self._lab}-{part}-{secrets.token_hex(3)}"

    def create(self, spec: ContainerSpec) -> str:
        """Make a container without starting it, remember to remove it, and return its id."""
        with self._resources.making():
            with doing(f"creating container {spec.name}"):
                container = self._runtime.create(spec)
            with self._lock:
                self._present.append(container)
        return container

    def attach(self, container: str, what: str, *, stdin: bool = True) -> Stream:
        """Return the streams of a container that was made; errors call it `what`."""
        with doing(f"attaching to {what}"):
            return self._runtime.attach(container, stdin=stdin)

    def start(self, container: str, what: str, *, after: Future[None] | None = None) -> None:
        """Start a container that was made, when what it has to come `after` has been done; errors
        call it `what`. Raise the error of the other if that has failed.
        """
        if after is not None:
            after.result()
        with self._resources.making(), doing(f"starting {what}"):
            self._runtime.start(container)

    def wait(self, container: str, what: str) -> ContainerState:
        """Return the state of a container once it has ended; errors call it `what`."""
        with doing(f"waiting for {what}"):
            state = self._runtime.wait(container)
        self.check_running()
        return state

    def state(self, container: str, what: str) -> ContainerState:
        """Return the state that a container is in now; errors call it `what`."""
        with doing(f"looking at {what}"):
            return self._runtime.state(container)

    def in_background(self, work: Callable[[], _T]) -> Future[_T]:
        """Run something in another thread; `finish` waits for it."""
        return self._pool.submit(work)

    def discard(self, container: str) -> Future[None]:
        """Remove a container in the background."""
        self._leaving.add(container)
        return self._pool.submit(self._remove, container)

    def _remove(self, container: str) -> None:
        """Remove a container from the engine and from the list of those present."""
        with doing("removing a container"):
            self._resources.discard(ResourceKind.CONTAINER, container)
        with self._lock:
            self._present.remove(container)

    def finish(self) -> None:
        """Wait for everything that `in_background` and `discard` began, and remove every container
        of the lab that is still there, unless the lab is to be kept, or they go with its network.
        """
        one_by_one = not (self.keep or self._runtime.removes_whole_networks)
        if one_by_one:
            # The last first: Podman keeps a container that others share a namespace of.
            for container in reversed([one for one in self._present if one not in self._leaving]):
                self.discard(container)
        self._pool.shutdown(wait=True)
        if one_by_one:
            for container in tuple(self._present):  # those that could not be removed before
                self._remove(container)
