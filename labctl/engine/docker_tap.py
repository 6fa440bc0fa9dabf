"""A tap: owns the network namespace that clients run in, each in a fresh container."""

from __future__ import annotations

import base64
import json
import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labctl.engine import containers
from labctl.engine.connect import engine_errors
from labctl.engine.docker_service import RunningService
from labctl.engine.stream import Attached
from labctl.errors import EngineError
from labctl.model.evidence import Capture, Evidence
from labctl.model.packet import RawPacket
from labctl.model.plan import PlannedAttempt
from labctl.model.result import ServerEvent

if TYPE_CHECKING:
    from labctl.engine.docker_lab import DockerLab

LAB_IMAGE = "labctl/lab"
REPORT_LIMIT = 1024 * 1024
_READY_S = 30.0
_KILLED = 128 + 9
_GRACE_S = 15.0
"""How long after its limit a client's container may still take to report."""
_SETTLE_S = 10.0
"""How long services and the tap may take for a word; it takes them a millisecond or two."""
_ATTACH = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}


@dataclass(frozen=True, kw_only=True)
class _Client:
    """A client's container that has been started; its probe waits for the request."""

    container: str
    stream: Attached


class DockerTap:
    """One tap; attempts in it are made one after the other."""

    def __init__(self, lab: DockerLab, *, dns: str) -> None:
        self._lab = lab
        self._client = lab.client
        self._dns = dns
        self._container = ""
        self._address = ""
        self._stream: Attached | None = None
        self._attempts = 0
        self._prepared: tuple[PlannedAttempt, Future[_Client]] | None = None

    def start(self) -> None:
        """Start the tap; the first attempt waits until it captures."""
        lab = self._lab
        self._container = lab.create(
            containers.tap(
                LAB_IMAGE,
                network=lab.name,
                dns=self._dns,
                lifeline=lab.lifeline,
                labels=lab.labels,
                api=self._client.api_version,
                name=lab.container_name("tap"),
            )
        )
        self._stream = self._attach(self._container)
        lab.start_container(self._container, "the tap")
        with engine_errors("starting the tap"):
            self._stream.send_line("go")

    def _wait_until_ready(self) -> None:
        """Until the namespace is ready for what clients do, and every packet in it captured."""
        if self._address or self._stream is None:
            return
        with engine_errors("starting the tap"):
            ready = self._stream.read_line(deadline=time.monotonic() + _READY_S)
        if b'"event": "ready"' not in ready:
            said = " ".join(self._stream.tail)
            raise EngineError(f"the tap did not get ready: {said or 'it said nothing'}")
        self._address = json.loads(ready)["detail"]["address"]

    def _attach(self, container: str) -> Attached:
        with engine_errors("attaching to a container"):
            return Attached(self._client.attach_socket(container, params=_ATTACH))

    def attempt(
        self, attempt: PlannedAttempt, *, limit_s: float, upcoming: PlannedAttempt | None = None
    ) -> Evidence:
        """Run one client in a fresh container; after `limit_s` seconds it is ended. That of
        `upcoming` is started meanwhile.

        A container may start before the tap and the services are ready, and while another client
        runs: the probe in it is alone, opens nothing, and starts the client when it is told to.
        """
        self._lab.failed()
        client = self._take(attempt)
        try:
            if upcoming is not None:
                self._prepared = (upcoming, self._lab.aside(lambda: self._prepare(upcoming)))
            return self._watch(client.container, client.stream, attempt, limit_s)
        finally:
            self._discard(client)

    def _take(self, attempt: PlannedAttempt) -> _Client:
        """The container that was started for that attempt, or else one that is started now."""
        prepared, self._prepared = self._prepared, None
        if prepared is not None and prepared[0].key == attempt.key:
            return prepared[1].result()
        self._discard_prepared(prepared)
        return self._prepare(attempt)

    def _prepare(self, attempt: PlannedAttempt) -> _Client:
        lab = self._lab
        container = lab.create(
            containers.client(
                attempt.interpreter.image,
                tap=self._container,
                labels={**lab.labels, "labctl.scenario": attempt.scenario},
                api=self._client.api_version,
                name=lab.container_name("client"),
            )
        )
        try:
            stream = self._attach(container)
            try:
                lab.start_container(container, "the client's container")
            except BaseException:
                stream.close()
                raise
        except BaseException:
            lab.discard(container)
            raise
        return _Client(container=container, stream=stream)

    def _discard(self, client: _Client) -> None:
        client.stream.close()
        self._lab.discard(client.container)

    def _discard_prepared(self, prepared: tuple[PlannedAttempt, Future[_Client]] | None) -> None:
        """What was prepared, and is not needed after all. One that failed has nothing to discard,
        and whether it would have is told where it is tried again.
        """
        if prepared is not None and prepared[1].exception() is None:
            self._discard(prepared[1].result())

    def _watch(
        self, container: str, stream: Attached, attempt: PlannedAttempt, limit_s: float
    ) -> Evidence:
        self._wait_until_ready()
        services = self._lab.ready()
        marks = {service: service.mark() for service in services}
        self._cut()
        began = time.monotonic()
        timed_out = False
        report = b""
        try:
            stream.send_line(request(attempt, limit_s))
            report = stream.read(limit=REPORT_LIMIT, deadline=began + limit_s + _GRACE_S)
        except TimeoutError:
            timed_out = True
        except OSError:
            pass  # The container ended before it took the request: its exit code tells.
        elapsed_s = time.monotonic() - began
        exit_code, out_of_memory = (None, False) if timed_out else self._end(container, report)
        for service in services:
            service.check_alive()
        self._settle(marks)
        return Evidence(
            report=report,
            exit=exit_code,
            out_of_memory=out_of_memory,
            elapsed_s=elapsed_s,
            served=self._served(marks),
            served_lost=sum(service.lost_since(mark) for service, mark in marks.items()),
            capture=self._cut(),
        )

    def _settle(self, marks: dict[RunningService, int]) -> None:
        """Wait until every service has said all that it has to say of the client."""
        self._attempts += 1
        deadline = time.monotonic() + _SETTLE_S
        word = f"{self._container[:12]}-{self._attempts}"
        for service in marks:
            service.ask_to_settle(word, address=self._address)
        for service, mark in marks.items():
            service.settled(word, mark=mark, deadline=deadline)

    def _cut(self) -> Capture:
        """All packets since the last cut."""
        if self._stream is None:
            raise EngineError("the tap was not started")
        try:
            with engine_errors("talking to the tap"):
                self._stream.send_line("cut")
                said = self._stream.read_line(deadline=time.monotonic() + _SETTLE_S)
            detail = json.loads(said)["detail"]
        except (ValueError, KeyError) as error:
            self._lab.engine.check_running()
            raise EngineError("the tap has ended", hint="run `labctl doctor`") from error
        packets = tuple(
            RawPacket(
                at_ns=at_ns, interface=interface, direction="out" if outgoing else "in",
                length=length, data=base64.b64decode(data),
            )
            for at_ns, interface, outgoing, length, data in detail["packets"]
        )  # fmt: skip
        return Capture(
            packets=packets, lost=detail["lost"], names=self._lab.names, resolvers=(self._dns,)
        )

    def _end(self, container: str, report: bytes) -> tuple[int | None, bool]:
        """Exit code, and whether the kernel's OOM killer was there; asked only if it matters."""
        if report:
            return 0, False
        with engine_errors("waiting for the client's container"):
            code: int = self._client.wait(container)["StatusCode"]
            state = self._client.inspect_container(container)["State"]
        self._lab.engine.check_running()
        out_of_memory = bool(state.get("OOMKilled"))
        if code == _KILLED and not out_of_memory:
            # Its first process is the probe's, which no signal from inside can end.
            raise EngineError("the client's container was killed from outside")
        return code, out_of_memory

    def _served(self, marks: dict[RunningService, int]) -> tuple[ServerEvent, ...]:
        events = [
            event
            for service, mark in marks.items()
            for event in service.events_since(mark, address=self._address)
        ]
        return tuple(sorted(events, key=lambda event: event.at_s))

    def close(self) -> None:
        """End the tap, and whatever was prepared in it."""
        self._discard_prepared(self._prepared)
        self._prepared = None
        if self._stream is not None:
            self._stream.close()
        if self._container and not self._lab.engine.keep:
            self._lab.discard(self._container)


def request(attempt: PlannedAttempt, limit_s: float) -> str:
    """What the probe reads on stdin: one line of JSON."""
    target = attempt.target
    return json.dumps(
        {
            "source": attempt.source,
            "filename": attempt.client or f"{attempt.attempt}.py",
            "limit_s": limit_s,
            "argv": list(attempt.argv),
            "env": {**attempt.env, "LAB_HOST": target.host, "LAB_PORT": str(target.port)},
        }
    )
