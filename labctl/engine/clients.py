"""The clients' containers of one tap: each is started fresh, and one ahead of its attempt."""

from __future__ import annotations

import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass

from labctl.engine import labels
from labctl.engine.containers import client_container
from labctl.engine.lab_containers import LabContainers
from labctl.engine.runtime import doing
from labctl.engine.streams import Stream
from labctl.errors import EngineError
from labctl.load.imports import modules_to_preload
from labctl.model.messages import GO, READY, REPORT_LIMIT, ProbeRequest, Variable
from labctl.model.plan import PlannedAttempt

_KILLED = 128 + 9
_READY_S = 120.0
"""How long a client's container may take to import what the client imports."""
_GRACE_S = 15.0
"""How long after its limit a client's container may still take to report."""
_MOST_TIMES = 20
"""How many times its limit a client may take that waits for a processor all the time."""
_WHAT = "the client's container"


@dataclass(frozen=True, kw_only=True)
class StartedClient:
    """A client's container that has been started; its probe has the request, and gets ready."""

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

    def __init__(self, containers: LabContainers, *, tap: str, started: Future[None]) -> None:
        """Take the lab's containers and the tap's, which is there when it has been `started`."""
        self._containers = containers
        self._tap = tap
        self._started = started
        self._prepared: tuple[PlannedAttempt, Future[StartedClient]] | None = None

    def take(self, attempt: PlannedAttempt, *, limit_s: float) -> StartedClient:
        """Return the container that was prepared for the attempt, or else start one now. Raise
        EngineError if it can't be started.
        """
        prepared, self._prepared = self._prepared, None
        if prepared is not None and prepared[0].key == attempt.key:
            return prepared[1].result()
        self._discard_prepared(prepared)
        return self._start(attempt, limit_s)

    def prepare(self, attempt: PlannedAttempt, *, limit_s: float) -> None:
        """Start a container for the attempt in the background, for `take` to find."""
        starting = self._containers.in_background(lambda: self._start(attempt, limit_s))
        self._prepared = (attempt, starting)

    def _start(self, attempt: PlannedAttempt, limit_s: float) -> StartedClient:
        """Start a container for the attempt, attach to it, and send its probe the request. If that
        fails, the container is removed.
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
                containers.start(container, _WHAT, after=self._started)
                # One that has ended before it took the request is found out when it is to run.
                with suppress(OSError):
                    stream.send_line(request(attempt, limit_s))
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

    def wait_until_ready(self, client: StartedClient) -> None:
        """Wait until the client has nothing to do any more but to begin. Raise EngineError if it
        takes too long. One that has ended meanwhile is ready, too: its exit code tells.
        """
        with doing("starting the client"):
            line = client.stream.read_line(deadline=time.monotonic() + _READY_S)
        if line.strip() not in (READY, b""):
            raise EngineError("the client's container said something else than that it is ready")

    def run(self, client: StartedClient, *, limit_s: float) -> ClientExit:
        """Let a client begin that is ready, and wait until its probe has reported, which it does
        after `limit_s` seconds of the client's own time, and a little more. Raise EngineError if
        the container was killed from outside.
        """
        began = time.monotonic()
        report = b""
        is_late = False
        try:
            client.stream.send_line(GO)
            deadline = began + limit_s * _MOST_TIMES + _GRACE_S
            report = client.stream.read(limit=REPORT_LIMIT, deadline=deadline)
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
            # Its first process is the probe's. Nothing inside can end it: it has no handlers for
            # signals, and a filter keeps others from its limits (labctl/probe/call_filter.py).
            raise EngineError("the client's container was killed from outside")
        return state.exit_code, state.is_out_of_memory


def request(attempt: PlannedAttempt, limit_s: float) -> str:
    """Return what the probe reads on stdin: one line of JSON."""
    target = attempt.target
    return ProbeRequest(
        source=attempt.source,
        filename=attempt.client or f"{attempt.attempt}.py",
        limit_s=limit_s,
        most_s=limit_s * _MOST_TIMES,
        argv=attempt.argv,
        env={**attempt.env, Variable.HOST: target.host, Variable.PORT: str(target.port)},
        imports=modules_to_preload(attempt.source, attempt.requires),
    ).encode()
