"""One service of a running lab: started, waited for, listened to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from labctl.engine.host import RunningHost
from labctl.engine.lab_containers import LabContainers
from labctl.engine.runtime import CheckResult, doing
from labctl.errors import EngineError, EngineGone, ServiceError
from labctl.model.compose import READY_S, Service
from labctl.model.messages import ProcessorTimes, decode_event, sync_request
from labctl.model.result import ServerEvent

_POLL_S = 0.05
_TAIL_LINES = 8

StartHost = Callable[[RunningHost], None]
"""Starts the host of a service. Raises EngineError if that fails."""


class RunningService:
    """A service of a lab. One that `speaks` writes events as JSON lines, `ready` first; any other
    is ready when it is healthy, or, without a health check, as soon as it runs.
    """

    def __init__(
        self, spec: Service, containers: LabContainers, *, speaks: bool, start: StartHost,
        shares: RunningHost | None = None,
    ) -> None:  # fmt: skip
        """Take the service's Compose entry, what starts its host, and the host if others share
        it.
        """
        self.spec = spec
        self._containers = containers
        self._speaks = speaks
        self._what = f"service {spec.name}"
        self._host = shares or RunningHost(containers, self._what, speaks=speaks)
        self._is_shared = shares is not None
        self._inbox = self._host.inbox(spec.name if self._is_shared else "")
        self._start_host = start
        self._was_ready = False
        self.processor_times = ProcessorTimes()
        """The service's times so far, as it last told them: when it was ready, or in an answer to a
        sync request.
        """

    def start(self) -> None:
        """Start the service's host, and wait until the service is ready. Raise ServiceError with
        the end of its log if it fails.
        """
        with self._failing():
            if self._host.is_closed.is_set():
                raise EngineError(f"{self._what} was given up before it was started")
            self._start_host(self._host)
            deadline = time.monotonic() + READY_S
            if self._speaks:
                self._wait_for_ready(deadline)
            else:
                self._wait_for_health(deadline)
        self._was_ready = True

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Raise ServiceError for an EngineError that is raised inside the block; but not where the
        engine has gone.
        """
        try:
            yield
        except EngineGone:
            raise
        except EngineError as error:
            name = self.spec.name
            raise ServiceError(error, service=name, was_ready=self._was_ready) from error

    def _wait_for_ready(self, deadline: float) -> None:
        """Wait until the service says that it is ready. Raise EngineError if it does not."""
        if not self._inbox.wait_for(self._is_ready, deadline=deadline):
            raise self._failure()

    def _is_ready(self, line: bytes) -> bool:
        """Tell whether a line is the service's `ready` event, and note the times that it tells."""
        event = decode_event(line)
        if event is None or not event.is_ready:
            return False
        self.processor_times = event.processor_times
        return True

    def _wait_for_health(self, deadline: float) -> None:
        """Ask the engine again and again whether the container is healthy. Raise EngineError if it
        ends, gets unhealthy, or is not healthy at the deadline, or when it is closed.
        """
        while time.monotonic() < deadline:
            self._containers.check_running()
            state = self._host.state()
            if not state.is_running or state.is_healthy is False:
                break
            if state.is_healthy:
                return
            if self._host.is_closed.wait(_POLL_S):
                break
        raise self._failure()

    def check_alive(self) -> None:
        """Raise ServiceError if the service has ended: then what clients see is not their fault.
        While a service of labctl's own runs, the engine is not asked.
        """
        with self._failing():
            if self._inbox.has_ended or not (self._speaks or self._host.state().is_running):
                raise self._failure()

    def _failure(self) -> EngineError:
        """Return the error that says why the service did not get ready: with what its health check
        said, unless it died, and with its own last lines.
        """
        state = self._host.state()
        exit_code = self._exit_code() if state.is_running else state.exit_code
        parts = [self._log_tail()]
        if exit_code is not None:
            failure = f"died (exit code {exit_code})"
        else:
            unhealthy = state.is_healthy is False
            failure = (
                "did not get healthy" if unhealthy else f"did not get ready within {READY_S:g} s"
            )
            parts.insert(0, _check_tail(state.last_check))
        said = "\n  ".join(filter(None, parts))
        return EngineError(
            f"{self._what} {failure}; {said}" if said else f"{self._what} {failure}",
            hint=f"see its entry in the Compose file, or run image {self.spec.image} by hand",
        )

    def _exit_code(self) -> int | None:
        """Return with what the service has ended while its host goes on; None if it has not."""
        last = self._inbox.since(len(self._inbox) - 1) if self._is_shared else ()
        event = decode_event(last[0]) if last else None
        return event.exit_code if event else None

    def _log_tail(self) -> str:
        """Return the last lines that the service wrote, as text for a message."""
        lines = self._inbox.since(0)
        if self._is_shared:
            events = [decode_event(line) for line in lines]
            said = [one.error for one in events if one and one.error]
            return _tail("the last it said", said or self._host.errors)
        written = [line.decode("utf-8", "backslashreplace") for line in lines]
        return _tail("the last it said", [*written, *self._host.errors])

    def mark(self) -> int:
        """Return the current place in the stream of events, which `events_since` and `lost_since`
        take.
        """
        return len(self._inbox)

    def request_sync(self, token: str, *, address: str) -> None:
        """Ask the service to write all events of what came in so far, to forget the client of that
        address, and to answer with the token. `wait_for_sync` waits for the answer. Raise
        ServiceError if the service can't be asked.
        """
        if self._speaks:
            with self._failing(), doing(f"talking to {self._what}"):
                service = self.spec.name if self._is_shared else ""
                self._host.send(sync_request(token, address), service)

    def wait_for_sync(self, token: str, *, mark: int, deadline: float) -> None:
        """Wait until the answer with that token has come. Raise ServiceError if it has not at the
        deadline.
        """

        def is_answer(line: bytes) -> bool:
            # Looking for the token first spares decoding thousands of events.
            event = decode_event(line) if token.encode() in line else None
            if event is None or not event.is_sync(token):
                return False
            self.processor_times = event.processor_times
            return True

        if self._speaks and not self._inbox.wait_for(is_answer, start=mark, deadline=deadline):
            self.check_alive()
            with self._failing():
                raise EngineError(f"{self._what} does not answer any more")

    def lost_since(self, mark: int) -> int:
        """Return how many of its lines since `mark` were too many, or too long, to keep."""
        if not self._speaks:
            return 0
        unread = sum(self._event(line) is None for line in self._inbox.since(mark))
        return self._inbox.lost(mark) + unread

    def events_since(self, mark: int, *, address: str) -> list[ServerEvent]:
        """Return the events since `mark` whose peer has that address."""
        if not self._speaks:
            return []
        events = (self._event(line) for line in self._inbox.since(mark))
        return [e for e in events if e is not None and e.peer.rpartition(":")[0] == address]

    def _event(self, line: bytes) -> ServerEvent | None:
        """Return the event of a line, or None if a line is none (one that was cut, say)."""
        event = decode_event(line)
        if event is None:
            return None
        return ServerEvent(
            service=self.spec.name,
            at_s=event.at_s,
            event=event.event,
            peer=event.peer,
            detail=dict(event.detail),
        )

    def close(self) -> None:
        """Close the streams of its host. A service of labctl's own ends then, unless the lab is
        kept. One that is still starting is given up.
        """
        self._host.close()


def _check_tail(check: CheckResult | None) -> str:
    """Return how a health check ended, and its last lines, as text for a message; "" for none."""
    if check is None:
        return ""
    ended = f"ended with exit code {check.exit_code}"
    how = f"its health check {'took too long' if check.exit_code is None else ended}"
    return _tail(f"{how} and said", check.output.rstrip().splitlines()) or how


def _tail(heading: str, lines: Sequence[str]) -> str:
    """Return a heading, and the last of these lines below it; "" if there are none."""
    last = "\n".join(f"    {line}" for line in lines[-_TAIL_LINES:])
    return f"{heading}:\n{last}" if last else ""
