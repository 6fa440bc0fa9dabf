"""The services of one lab, from their start to their end."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from labctl.engine.service import RunningService


class LabServices:
    """The services of a lab. They start in the background, each after those it depends on, once
    they are told to.

    A service that fails is nobody's concern but of those who need it, and name it here.
    """

    def __init__(self, services: Iterable[RunningService]) -> None:
        """Take the services, which come in the order of their dependencies."""
        self._services = {service.spec.name: service for service in services}
        # A thread for each: one that hangs, or waits for another, keeps no other from starting.
        self._pool = ThreadPoolExecutor(len(self._services), thread_name_prefix="services")
        self._starting: dict[str, Future[RunningService]] = {}
        self._remembering: dict[str, set[str]] = {}

    def start(self) -> None:
        """Begin to start the services."""
        for name, service in self._services.items():
            self._starting[name] = self._pool.submit(self._start, service)

    def _start(self, service: RunningService) -> RunningService:
        """Wait for the services that this one depends on, then start it and return it."""
        for dependency in service.spec.depends_on:
            self._starting[dependency].result()
        service.start()
        return service

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all services."""
        return tuple(self._services)

    def ready(self, names: Iterable[str]) -> tuple[RunningService, ...]:
        """Wait until the services of these names are ready, and return them. Raise the ServiceError
        of one that failed.
        """
        return tuple(self._starting[name].result() for name in names)

    def check_alive(self, names: Iterable[str]) -> None:
        """Raise ServiceError if a service of these names has failed to start, or has ended. One
        that is still starting is left out.
        """
        for name in names:
            if self._starting[name].done():
                self._starting[name].result().check_alive()

    def note_client(self, address: str) -> None:
        """Note that a client begins at an address: it may talk to any service, which then remembers
        it.
        """
        self._remembering[address] = set(self._services)

    def note_forgotten(self, address: str, services: Iterable[RunningService]) -> None:
        """Note that services have forgotten every client of an address."""
        self._remembering.get(address, set()).difference_update(one.spec.name for one in services)

    def remembering(
        self, address: str, services: Iterable[RunningService]
    ) -> tuple[RunningService, ...]:
        """Return those of the services that may remember an earlier client of an address."""
        names = self._remembering.get(address, ())
        return tuple(service for service in services if service.spec.name in names)

    def settle(self, *, give_up: bool) -> None:
        """Wait until no service is starting any more. With `give_up`, those that are still starting
        are given up; those that run go on.
        """
        if give_up:
            for name, starting in self._starting.items():
                if not starting.done():
                    self._services[name].close()
        wait(self._starting.values())
        self._pool.shutdown(wait=True)

    def close(self) -> None:
        """Close the streams of all services, once they have settled."""
        for service in self._services.values():
            service.close()
