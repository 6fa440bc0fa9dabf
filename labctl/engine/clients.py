"""The clients' containers of one tap: each is started fresh, and one ahead of its attempt."""

from __future__ import annotations

import time
from concurrent.futures import Future
from dataclasses import dataclass

from labctl.engine import labels
from labctl.engine.containers import client_container
from labctl.engine.lab_containers import LabContainers
from labctl.engine.streams import Stream
from labctl.errors import EngineError
from labctl.model.messages import REPORT_LIMIT, ProbeRequest, Variable
from labctl.model.plan import PlannedAttempt

_KILLED = 128 + 9
_GRACE_S = 15.0
"""How long after its limit a client's container may still take to report."""
_WHAT = "the client's container"


@dataclass(frozen=True, kw_only=True)
class StartedClient:
    """A client's container that has been started; its probe waits for the request."""

    container: str
    stream: Stream


@dataclass(frozen=True, kw_only=True)
class ClientExit:
    """How a client's container ended: what it wrote to stdout, its exit code (None if it had
    not ended in time), and how long it took.
    """

    report: bytes
    exit_code: int | None
    is_out_of_memory: bool
    elapsed_s: float


class ClientStarter:
    """Starts clients in the network namespace of a tap."""

    def __init__(self, containers: LabContainers, *, tap: str) -> None:
        """Take the lab's containers and the name of the tap's container."""
        self._containers = containers
        self._tap = tap
        self._prepared: tuple[PlannedAttempt, Future[StartedClient]] | None = None

    def take(self, attempt: PlannedAttempt) -> StartedClient:
        """Return the container that was prepared for the attempt, or else start one now. Raise
        EngineError if it can't be started.
        """
        prepared, self._prepared = self._prepared, None
        if prepared is not None and prepared[0].key == attempt.key:
            return prepared[1].result()
        self._discard_prepared(prepared)
        return self._start(attempt)

    def prepare(self, attempt: PlannedAttempt) -> None:
        """Start a container for the attempt in the background, for `take` to find."""
        self._prepared = (attempt, self._containers.in_background(lambda: self._start(attempt)))

    def _start(self, attempt: PlannedAttempt) -> StartedClient:
        """Start a container for the attempt, and attach to it. If that fails, the container is
        removed.
        """
        containers = self._containers
        container = containers.create(
            client_container(
                attempt.interpreter.image,
                name=containers.new_name("client"),
                tap=self._tap,
                labels={**containers.labels, labels.SCENARIO: attempt.scenario},
            )
        )
        try:
            stream = containers.attach(container, _WHAT)
            try:
                containers.start(container, _WHAT)
            except BaseException:
                stream.close()
                raise
        except BaseException:
            containers.discard(container)
            raise
        return StartedClient(container=container, stream=stream)

    def discard(self, client: StartedClient) -> None:
        """Close a client's streams, and remove its container in the background."""
        client.stream.close()
        self._containers.discard(client.container)

    def _discard_prepared(
        self, prepared: tuple[PlannedAttempt, Future[StartedClient]] | None
    ) -> None:
        """Remove a container that was prepared, and that no attempt needs. The error of one that
        could not be started is ignored, because nothing is left of it.
        """
        if prepared is not None and prepared[1].exception() is None:
            self.discard(prepared[1].result())

    def close(self) -> None:
        """Remove the container that was prepared and never taken."""
        self._discard_prepared(self._prepared)
        self._prepared = None

    def run(self, client: StartedClient, request: str, *, limit_s: float) -> ClientExit:
        """Send the probe in the container its request, and wait until it has reported, or until
        `limit_s` seconds and a little more are up. Raise EngineError if the container was killed
        from outside.
        """
        began = time.monotonic()
        report = b""
        is_late = False
        try:
            client.stream.send_line(request)
            report = client.stream.read(limit=REPORT_LIMIT, deadline=began + limit_s + _GRACE_S)
        except TimeoutError:
            is_late = True
        except OSError:
            pass  # The container ended before it took the request: its exit code tells.
        elapsed_s = time.monotonic() - began
        exit_code, is_out_of_memory = (None, False) if is_late else self._end(client, report)
        return ClientExit(
            report=report,
            exit_code=exit_code,
            is_out_of_memory=is_out_of_memory,
            elapsed_s=elapsed_s,
        )

    def _end(self, client: StartedClient, report: bytes) -> tuple[int, bool]:
        """Return the container's exit code, and whether its memory was used up. If there is a
        report, the engine is not asked, because that takes time: the code counts as 0.
        """
        if report:
            return 0, False
        state = self._containers.wait(client.container, _WHAT)
        if state.exit_code == _KILLED and not state.is_out_of_memory:
            # Its first process is the probe's, which no signal from inside can end.
            raise EngineError("the client's container was killed from outside")
        return state.exit_code, state.is_out_of_memory


def request(attempt: PlannedAttempt, limit_s: float) -> str:
    """Return what the probe reads on stdin: one line of JSON."""
    target = attempt.target
    return ProbeRequest(
        source=attempt.source,
        filename=attempt.client or f"{attempt.attempt}.py",
        limit_s=limit_s,
        argv=attempt.argv,
        env={**attempt.env, Variable.HOST: target.host, Variable.PORT: str(target.port)},
    ).encode()
