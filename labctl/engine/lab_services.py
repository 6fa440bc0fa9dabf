"""The services of one lab, from their start to their end."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from labctl.engine.service import RunningService

_PARALLEL = 8


class LabServices:
    """The services of a lab. They start in the background, each after those it depends on."""

    def __init__(self, services: Iterable[RunningService]) -> None:
        """Begin to start the services, which come in the order of their dependencies."""
        self._pool = ThreadPoolExecutor(_PARALLEL, thread_name_prefix="services")
        self._starting: dict[str, Future[RunningService]] = {}
        # A pool takes its work in order: whatever a start waits for is already under way.
        for service in services:
            self._starting[service.spec.name] = self._pool.submit(self._start, service)

    def _start(self, service: RunningService) -> RunningService:
        """Wait for the services that this one depends on, then start it and return it."""
        for dependency in service.spec.depends_on:
            self._starting[dependency].result()
        service.start()
        return service

    def ready(self) -> tuple[RunningService, ...]:
        """Wait until all services are ready, and return them. Raise the EngineError of one that
        failed.
        """
        return tuple(future.result() for future in self._starting.values())

    def raise_failure(self) -> None:
        """Raise the EngineError of a service that is already known to have failed to start."""
        for future in self._starting.values():
            if future.done():
                future.result()

    def check_alive(self) -> None:
        """Raise EngineError if a service has failed to start, or has ended. A service that is still
        starting is left out.
        """
        for future in self._starting.values():
            if future.done():
                future.result().check_alive()

    def close(self) -> None:
        """Wait until no service is starting any more, and close the streams of all."""
        for future in self._starting.values():
            if future.exception() is None:
                future.result().close()
        self._pool.shutdown(wait=True)
