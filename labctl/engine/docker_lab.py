"""One running lab on a Docker engine: its services and its taps."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any, TypeVar

from labctl.engine import cleanup, subnets
from labctl.engine.connect import engine_errors
from labctl.engine.docker_service import RunningService
from labctl.engine.docker_tap import DockerTap
from labctl.model.plan import PlannedLab

if TYPE_CHECKING:
    from labctl.engine.docker import DockerEngine

_T = TypeVar("_T")

EVENTS_LABEL = "labctl.events"
_PARALLEL = 8


class DockerLab:
    """A lab whose services start in the background; `ready` waits for them."""

    def __init__(
        self,
        engine: DockerEngine,
        lab: PlannedLab,
        images: dict[str, dict[str, Any]],
        *,
        name: str,
        subnet: IPv4Network,
        labels: dict[str, str],
    ) -> None:
        self.engine = engine
        self.client = engine.client
        self.name = name
        self.labels = labels
        self.lifeline = "keep" if engine.keep else "cut"
        self._lab = lab
        self._images = images
        self._addresses = subnets.addresses(lab.services, subnet)
        self.names = {self._addresses[s.name]: (s.aliases or (s.name,))[0] for s in lab.services}
        """What people call the addresses of the lab."""
        self._zone = subnets.zone(lab.services, self._addresses)
        self._pool = ThreadPoolExecutor(_PARALLEL, thread_name_prefix="lab")
        self._starting: dict[str, Future[RunningService]] = {}
        self._made: list[str] = []
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin to start every service, each after those it depends on."""
        for spec in self._lab.services:
            service = RunningService(
                spec,
                self,
                address=self._addresses[spec.name],
                speaks=self._speaks(spec.image),
                environment={"LAB_ZONE": self._zone},
            )
            # The services are in the order of their dependencies, and a pool takes its work in
            # order: whatever a start waits for is already under way.
            self._starting[spec.name] = self._pool.submit(self._start_one, service)

    def _start_one(self, service: RunningService) -> RunningService:
        for dependency in service.spec.depends_on:
            self._starting[dependency].result()
        service.start()
        return service

    def _speaks(self, image: str) -> bool:
        """Whether an image is the lab's own, whose programs write events and have a lifeline."""
        config = self._images[image].get("Config") or {}
        return EVENTS_LABEL in (config.get("Labels") or {})

    def ready(self) -> tuple[RunningService, ...]:
        """The services, all of them ready. Raises the EngineError of one that isn't."""
        return tuple(future.result() for future in self._starting.values())

    def failed(self) -> None:
        """Raise what is already known to keep a service from starting."""
        for future in self._starting.values():
            if future.done():
                future.result()

    @contextlib.contextmanager
    def tap(self) -> Iterator[DockerTap]:
        """A tap of the caller's own. Raises EngineError where a service has ended: no attempt can
        be made in this lab any more.
        """
        for future in self._starting.values():
            if future.done():
                future.result().check_alive()
        tap = DockerTap(self, dns=self._addresses["dns"])
        try:
            tap.start()
            yield tap
        finally:
            tap.close()

    def create(self, config: dict[str, Any]) -> str:
        """Make a container (not yet started) and remember to remove it. Its id."""
        self.engine.check_running()
        with engine_errors(f"creating container {config['name']}"):
            made: str = self.client.create_container(**config)["Id"]
        with self._lock:
            self._made.append(made)
        return made

    def start_container(self, container: str, what: str) -> None:
        """Start a container that was made, unless the run has been stopped meanwhile."""
        self.engine.check_running()
        with engine_errors(f"starting {what}"):
            self.client.start(container)

    def aside(self, work: Callable[[], _T]) -> Future[_T]:
        """Have something done in the background; whoever asks waits for it before the lab stops."""
        return self._pool.submit(work)

    def discard(self, container: str) -> None:
        """Remove a container in the background; `remove` waits for it."""
        self._pool.submit(self._discard, container)

    def _discard(self, container: str) -> None:
        with engine_errors("removing a container"):
            cleanup.remove_container(self.client, container)
        with self._lock:
            self._made.remove(container)

    def container_name(self, part: str) -> str:
        """A name that people can read in `docker ps`."""
        return f"{self.name}-{part}-{secrets.token_hex(3)}"

    def stop(self) -> None:
        """Let go of the services' streams, once all that is starting has done so or failed."""
        for future in self._starting.values():
            if future.exception() is None:
                future.result().close()
        self._pool.shutdown(wait=True)

    def remove(self) -> None:
        """Remove every container of the lab that is still there."""
        with ThreadPoolExecutor(_PARALLEL) as pool, engine_errors("removing the lab"):
            list(pool.map(lambda name: cleanup.remove_container(self.client, name), self._made))
