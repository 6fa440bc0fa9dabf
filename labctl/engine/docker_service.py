"""One service of a running lab: started, waited for, listened to."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

from labctl.engine import containers
from labctl.engine.connect import engine_errors
from labctl.engine.stream import Attached, Inbox
from labctl.errors import EngineError
from labctl.model.compose import Service
from labctl.model.result import ServerEvent

if TYPE_CHECKING:
    from labctl.engine.docker_lab import DockerLab

READY_S = 60.0
_LINE_LIMIT = 64 * 1024
_POLL_S = 0.05
_TAIL_LINES = 8


class RunningService:
    """A service. One that `speaks` writes events as JSON lines, `ready` first; any other is ready
    when it is healthy, or, without a health check, as soon as it runs.
    """

    def __init__(
        self, spec: Service, lab: DockerLab, *, address: str, speaks: bool,
        environment: dict[str, str],
    ) -> None:  # fmt: skip
        self.spec = spec
        self._lab = lab
        self._speaks = speaks
        self._address = address
        self._environment = environment
        self._inbox = Inbox()
        self._stream: Attached | None = None
        self._container = ""

    def start(self) -> None:
        """Start it and wait until it is ready. Raises EngineError with the tail of its log."""
        lab = self._lab
        own = {**self._environment, "LABCTL_LIFELINE": lab.lifeline} if self._speaks else {}
        config = containers.service(
            self.spec,
            network=lab.name,
            address=self._address,
            environment=own,
            stdin=self._speaks,
            labels=lab.labels,
            api=lab.client.api_version,
            name=lab.container_name(self.spec.name),
        )
        self._container = lab.create(config)
        self._listen()
        lab.start_container(self._container, f"service {self.spec.name}")
        deadline = time.monotonic() + READY_S
        if self._speaks:
            self._wait_for_word(deadline)
        else:
            self._wait_for_health(deadline)

    def _listen(self) -> None:
        params = {"stdin": int(self._speaks), "stdout": 1, "stderr": 1, "stream": 1}
        with engine_errors(f"attaching to service {self.spec.name}"):
            raw = self._lab.client.attach_socket(self._container, params=params)
        self._stream = stream = Attached(raw)
        lines = stream.lines(limit=_LINE_LIMIT)
        threading.Thread(target=self._inbox.fill, args=(lines,), daemon=True).start()

    def _wait_for_word(self, deadline: float) -> None:
        if self._stream is None:
            raise EngineError(f"service {self.spec.name} was not started")
        with engine_errors(f"starting service {self.spec.name}"):
            self._stream.send_line("go")
        if not self._inbox.wait_for(b'"event": "ready"', deadline=deadline):
            raise self._broken()

    def _wait_for_health(self, deadline: float) -> None:
        """Docker tells of health only when asked: no request waits for it."""
        while time.monotonic() < deadline:
            self._lab.engine.check_running()
            state = self._state()
            health = (state.get("Health") or {}).get("Status", "healthy")
            if not state["Running"] or health == "unhealthy":
                break
            if health == "healthy":
                return
            time.sleep(_POLL_S)
        raise self._broken()

    def check_alive(self) -> None:
        """Raise EngineError if the service has ended: what clients see is then no one's fault."""
        if self._inbox.ended or not (self._speaks or self._state()["Running"]):
            raise self._broken()

    def _state(self) -> dict[str, Any]:
        with engine_errors(f"looking at service {self.spec.name}"):
            state: dict[str, Any] = self._lab.client.inspect_container(self._container)["State"]
        return state

    def _broken(self) -> EngineError:
        state = self._state()
        if not state["Running"]:
            what = f"died (exit code {state['ExitCode']})"
        elif (state.get("Health") or {}).get("Status") == "unhealthy":
            what = "did not get healthy"
        else:
            what = f"did not get ready within {READY_S:g} s"
        return EngineError(
            f"service {self.spec.name} {what}{self._log_tail()}",
            hint=f"see its entry in the Compose file, or run image {self.spec.image} by hand",
        )

    def _log_tail(self) -> str:
        said = [line.decode("utf-8", "backslashreplace") for line in self._inbox.since(0)]
        errors = list(self._stream.tail) if self._stream else []
        last = (said + errors)[-_TAIL_LINES:]
        return "; the last it said:\n" + "\n".join(f"    {line}" for line in last) if last else ""

    def mark(self) -> int:
        """A place in the stream of events, for `events_since`."""
        return len(self._inbox)

    def ask_to_settle(self, word: str, *, address: str) -> None:
        """Ask to say a word when all events of what came in so far are out, and to forget the
        client of that address; see `settled`.
        """
        if self._speaks and self._stream is not None:
            with engine_errors(f"talking to service {self.spec.name}"):
                self._stream.send_line(f"sync {word} {address}")

    def settled(self, word: str, *, mark: int, deadline: float) -> None:
        """Return when that word has come. Raises EngineError if it doesn't."""
        said = f'"word": "{word}"'.encode()
        if self._speaks and not self._inbox.wait_for(said, start=mark, deadline=deadline):
            self.check_alive()
            raise EngineError(f"service {self.spec.name} does not answer any more")

    def lost_since(self, mark: int) -> int:
        """How many of its lines since then were too many, or too long, to keep."""
        if not self._speaks:
            return 0
        unread = sum(self._event(line) is None for line in self._inbox.since(mark))
        return self._inbox.lost(mark) + unread

    def events_since(self, mark: int, *, address: str) -> list[ServerEvent]:
        """The events since then whose peer has that address."""
        if not self._speaks:
            return []
        found = (self._event(line) for line in self._inbox.since(mark))
        return [e for e in found if e is not None and e.peer.rpartition(":")[0] == address]

    def _event(self, line: bytes) -> ServerEvent | None:
        """An event, or None where a line is none (one that was cut off, say)."""
        try:
            return ServerEvent.model_validate({**json.loads(line), "service": self.spec.name})
        except (ValueError, TypeError):
            return None

    def close(self) -> None:
        """Let go of its streams; its lifeline is cut with them."""
        if self._stream is not None:
            self._stream.close()
