"""A tap: owns the network namespace that clients run in, and sees every packet in it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping

from labctl.engine.clients import ClientStarter, StartedClient, request
from labctl.engine.containers import tap_container
from labctl.engine.images.names import LAB
from labctl.engine.lab_containers import LabContainers
from labctl.engine.lab_services import LabServices
from labctl.engine.runtime import doing
from labctl.engine.service import RunningService
from labctl.engine.streams import Stream
from labctl.errors import EngineError
from labctl.model.evidence import Capture, Evidence
from labctl.model.packet import RawPacket
from labctl.model.plan import PlannedAttempt
from labctl.model.result import ServerEvent

_READY_S = 30.0
_ANSWER_S = 10.0
"""How long services and the tap may take for an answer; it takes them a millisecond or two."""


class RunningTap:
    """A tap in a running lab; attempts in it are made one after the other."""

    def __init__(
        self, containers: LabContainers, services: LabServices, *, network: str, dns: str,
        lifeline: str, names: Mapping[str, str],
    ) -> None:  # fmt: skip
        """Make the tap's container and start it; the first attempt waits until it captures.

        `dns` is the address of the lab's name server, `names` are those of the lab's addresses.
        """
        self._containers = containers
        self._services = services
        self._dns = dns
        self._names = names
        self._address = ""
        self._attempts = 0
        self._container = containers.create(
            tap_container(
                LAB,
                name=containers.new_name("tap"),
                network=network,
                environment={"LAB_DNS": dns, "LABCTL_LIFELINE": lifeline},
                labels=containers.labels,
            )
        )
        self._clients = ClientStarter(containers, tap=self._container)
        self._stream: Stream = containers.attach(self._container, "the tap")
        try:
            containers.start(self._container, "the tap")
            with doing("starting the tap"):
                self._stream.send_line("go")
        except BaseException:
            self.close()
            raise

    def _wait_until_ready(self) -> None:
        """Return when the namespace is ready for clients, and every packet in it is captured."""
        if self._address:
            return
        with doing("starting the tap"):
            line = self._stream.read_line(deadline=time.monotonic() + _READY_S)
        if b'"event": "ready"' not in line:
            errors = " ".join(self._stream.tail)
            raise EngineError(f"the tap did not get ready: {errors or 'it said nothing'}")
        self._address = json.loads(line)["detail"]["address"]

    def attempt(
        self, attempt: PlannedAttempt, *, limit_s: float, upcoming: PlannedAttempt | None = None
    ) -> Evidence:
        """Run one client in a fresh container; after `limit_s` seconds it is ended. The container
        of `upcoming`, the attempt that comes next, is started meanwhile.

        A container may start before the tap and the services are ready, and while another client
        runs: the probe in it is alone, opens nothing, and starts the client when it is told to.
        """
        self._services.raise_failure()
        client = self._clients.take(attempt)
        try:
            if upcoming is not None:
                self._clients.prepare(upcoming)
            # Only then is the client's container removed: its end would show in the capture.
            return self._observe(client, attempt, limit_s)
        finally:
            self._clients.discard(client)

    def _observe(self, client: StartedClient, attempt: PlannedAttempt, limit_s: float) -> Evidence:
        self._wait_until_ready()
        services = self._services.ready()
        marks = {service: service.mark() for service in services}
        self._drain()
        ended = self._clients.run(client, request(attempt, limit_s), limit_s=limit_s)
        for service in services:
            service.check_alive()
        self._sync(marks)
        return Evidence(
            report=ended.report,
            exit=ended.exit_code,
            out_of_memory=ended.is_out_of_memory,
            elapsed_s=ended.elapsed_s,
            served=self._served(marks),
            served_lost=sum(service.lost_since(mark) for service, mark in marks.items()),
            capture=self._drain(),
        )

    def _sync(self, marks: Mapping[RunningService, int]) -> None:
        """Wait until every service has written all events of the client."""
        self._attempts += 1
        deadline = time.monotonic() + _ANSWER_S
        token = f"{self._container[:12]}-{self._attempts}"
        for service in marks:
            service.request_sync(token, address=self._address)
        for service, mark in marks.items():
            service.wait_for_sync(token, mark=mark, deadline=deadline)

    def _drain(self) -> Capture:
        """Take all packets since the last time out of the tap."""
        try:
            with doing("talking to the tap"):
                self._stream.send_line("cut")
                line = self._stream.read_line(deadline=time.monotonic() + _ANSWER_S)
            detail = json.loads(line)["detail"]
        except (ValueError, KeyError) as error:
            self._containers.check_running()
            raise EngineError("the tap has ended", hint="run `labctl doctor`") from error
        packets = tuple(
            RawPacket(
                at_ns=at_ns, interface=interface, direction="out" if outgoing else "in",
                length=length, data=base64.b64decode(data),
            )
            for at_ns, interface, outgoing, length, data in detail["packets"]
        )  # fmt: skip
        return Capture(
            packets=packets, lost=detail["lost"], names=self._names, resolvers=(self._dns,)
        )

    def _served(self, marks: Mapping[RunningService, int]) -> tuple[ServerEvent, ...]:
        events = [
            event
            for service, mark in marks.items()
            for event in service.events_since(mark, address=self._address)
        ]
        return tuple(sorted(events, key=lambda event: event.at_s))

    def close(self) -> None:
        """End the tap, and whatever was prepared in it; remove it unless the lab is kept."""
        self._clients.close()
        self._stream.close()
        if not self._containers.keep:
            self._containers.discard(self._container)
