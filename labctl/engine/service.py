"""One service of a running lab: started, waited for, listened to."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from labctl.engine.containers import service_container
from labctl.engine.inbox import Inbox
from labctl.engine.lab_containers import LabContainers
from labctl.engine.runtime import ContainerState, OnNetwork, doing
from labctl.engine.streams import Stream
from labctl.errors import EngineError
from labctl.model.compose import Service
from labctl.model.messages import GO, decode_event, sync_request
from labctl.model.result import ServerEvent

READY_S = 60.0
"""How long a service may take to get ready."""
_LINE_LIMIT = 64 * 1024
_POLL_S = 0.05
_TAIL_LINES = 8


class RunningService:
    """A service of a lab. One that `speaks` writes events as JSON lines, `ready` first; any other
    is ready when it is healthy, or, without a health check, as soon as it runs.
    """

    def __init__(
        self, spec: Service, containers: LabContainers, *, place: OnNetwork, speaks: bool,
        environment: Mapping[str, str],
    ) -> None:  # fmt: skip
        """Take the service's Compose entry and its place. If it `speaks`, `environment` is added to
        the entry's.
        """
        self.spec = spec
        self._containers = containers
        self._place = place
        self._speaks = speaks
        self._environment = environment if speaks else {}
        self._what = f"service {spec.name}"
        self._inbox = Inbox()
        self._stream: Stream | None = None
        self._container = ""

    def start(self) -> None:
        """Start the service's container, and wait until it is ready. Raise EngineError with the end
        of its log if it fails.
        """
        containers = self._containers
        self._container = containers.create(
            service_container(
                self.spec,
                name=containers.new_name(self.spec.name),
                place=self._place,
                environment=self._environment,
                has_stdin=self._speaks,
                labels=containers.labels,
            )
        )
        self._listen()
        containers.start(self._container, self._what)
        deadline = time.monotonic() + READY_S
        if self._speaks:
            self._wait_for_ready(deadline)
        else:
            self._wait_for_health(deadline)

    def _listen(self) -> None:
        """Attach to the container, and collect its lines in a thread."""
        stream = self._containers.attach(self._container, self._what, stdin=self._speaks)
        self._stream = stream
        lines = stream.lines(limit=_LINE_LIMIT)
        threading.Thread(target=self._inbox.fill, args=(lines,), daemon=True).start()

    def _wait_for_ready(self, deadline: float) -> None:
        """Tell the service to go, and wait until it says that it is ready. Raise EngineError if it
        does not.
        """
        if self._stream is None:
            raise EngineError(f"{self._what} was not started")
        with doing(f"starting {self._what}"):
            self._stream.send_line(GO)
        if not self._inbox.wait_for(_is_ready, deadline=deadline):
            raise self._failure()

    def _wait_for_health(self, deadline: float) -> None:
        """Ask the engine again and again whether the container is healthy. Raise EngineError if it
        ends, gets unhealthy, or is not healthy at the deadline.
        """
        while time.monotonic() < deadline:
            self._containers.check_running()
            state = self._state()
            if not state.is_running or state.is_healthy is False:
                break
            if state.is_healthy:
                return
            time.sleep(_POLL_S)
        raise self._failure()

    def check_alive(self) -> None:
        """Raise EngineError if the service has ended: then what clients see is not their fault.
        While a service of labctl's own runs, the engine is not asked.
        """
        if self._inbox.has_ended or not (self._speaks or self._state().is_running):
            raise self._failure()

    def _state(self) -> ContainerState:
        """Ask the engine for the container's state."""
        return self._containers.state(self._container, self._what)

    def _failure(self) -> EngineError:
        """Return the error that says why the service did not get ready, with its last lines."""
        state = self._state()
        if not state.is_running:
            failure = f"died (exit code {state.exit_code})"
        elif state.is_healthy is False:
            failure = "did not get healthy"
        else:
            failure = f"did not get ready within {READY_S:g} s"
        return EngineError(
            f"{self._what} {failure}{self._log_tail()}",
            hint=f"see its entry in the Compose file, or run image {self.spec.image} by hand",
        )

    def _log_tail(self) -> str:
        """Return the last lines that the service wrote, as text for a message."""
        written = [line.decode("utf-8", "backslashreplace") for line in self._inbox.since(0)]
        errors = list(self._stream.tail) if self._stream else []
        last = (written + errors)[-_TAIL_LINES:]
        return "; the last it said:\n" + "\n".join(f"    {line}" for line in last) if last else ""

    def mark(self) -> int:
        """Return the current place in the stream of events, which `events_since` and `lost_since`
        take.
        """
        return len(self._inbox)

    def request_sync(self, token: str, *, address: str) -> None:
        """Ask the service to write all events of what came in so far, to forget the client of that
        address, and to answer with the token. `wait_for_sync` waits for the answer.
        """
        if self._speaks and self._stream is not None:
            with doing(f"talking to {self._what}"):
                self._stream.send_line(sync_request(token, address))

    def wait_for_sync(self, token: str, *, mark: int, deadline: float) -> None:
        """Wait until the answer with that token has come. Raise EngineError if it has not at the
        deadline.
        """

        def is_answer(line: bytes) -> bool:
            # Looking for the token first spares decoding thousands of events.
            event = decode_event(line) if token.encode() in line else None
            return event is not None and event.is_sync(token)

        if self._speaks and not self._inbox.wait_for(is_answer, start=mark, deadline=deadline):
            self.check_alive()
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
        """Close the container's streams. A service of labctl's own ends then, unless the lab is
        kept.
        """
        if self._stream is not None:
            self._stream.close()


def _is_ready(line: bytes) -> bool:
    """Tell whether a line is a service's `ready` event."""
    event = decode_event(line)
    return event is not None and event.is_ready
