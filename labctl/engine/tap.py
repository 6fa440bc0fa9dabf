"""A tap: owns the network namespace that clients run in, and sees every packet in it."""

from __future__ import annotations

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
from labctl.model.messages import (
    DRAIN,
    GO,
    Lifeline,
    Variable,
    decode_event,
    decode_packets,
)
from labctl.model.plan import PlannedAttempt
from labctl.model.result import ServerEvent

_READY_S = 30.0
_ANSWER_S = 10.0
"""How long services and the tap may take for an answer; it takes them a millisecond or two."""


class RunningTap:
    """A tap in a running lab; attempts in it are made one after the other."""

    def __init__(
        self, containers: LabContainers, services: LabServices, *, network: str, name_server: str,
        lifeline: Lifeline, names: Mapping[str, str],
    ) -> None:  # fmt: skip
        """Make the tap's container and start it; the first attempt waits until it captures.

        `name_server` is an address, `names` are those of the lab's addresses.
        """
        self._containers = containers
        self._services = services
        self._name_server = name_server
        self._names = names
        self._address = ""
        self._attempts = 0
        self._container = containers.create(
            tap_container(
                LAB,
                name=containers.new_name("tap"),
                network=network,
                environment={Variable.NAME_SERVER: name_server, Variable.LIFELINE: lifeline},
                labels=containers.labels,
            )
        )
        self._clients = ClientStarter(containers, tap=self._container)
        self._stream: Stream = containers.attach(self._container, "the tap")
        try:
            containers.start(self._container, "the tap")
            with doing("starting the tap"):
                self._stream.send_line(GO)
        except BaseException:
            self.close()
            raise

    def _wait_until_ready(self) -> None:
        """Wait until the namespace is ready for clients, and every packet in it is captured. Raise
        EngineError if the tap fails.
        """
        if self._address:
            return
        with doing("starting the tap"):
            line = self._stream.read_line(deadline=time.monotonic() + _READY_S)
        event = decode_event(line)
        if event is None or not event.is_ready:
            errors = " ".join(self._stream.tail)
            raise EngineError(f"the tap did not get ready: {errors or 'it said nothing'}")
        self._address = event.detail["address"]

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
        """Run the client, and return its evidence: report, packets, and what the services saw."""
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
        """Ask every service to write all events of the client, and wait until they have."""
        self._attempts += 1
        deadline = time.monotonic() + _ANSWER_S
        token = f"{self._container[:12]}-{self._attempts}"
        for service in marks:
            service.request_sync(token, address=self._address)
        for service, mark in marks.items():
            service.wait_for_sync(token, mark=mark, deadline=deadline)

    def _drain(self) -> Capture:
        """Take all packets since the last time out of the tap, and return them."""
        with doing("talking to the tap"):
            self._stream.send_line(DRAIN)
            line = self._stream.read_line(deadline=time.monotonic() + _ANSWER_S)
        drained = decode_packets(line)
        if drained is None:
            self._containers.check_running()
            raise EngineError("the tap has ended", hint="run `labctl doctor`")
        return Capture(
            packets=drained.packets,
            lost=drained.lost,
            names=self._names,
            resolvers=(self._name_server,),
        )

    def _served(self, marks: Mapping[RunningService, int]) -> tuple[ServerEvent, ...]:
        """Return the services' events since their marks, in order of time."""
        events = [
            event
            for service, mark in marks.items()
            for event in service.events_since(mark, address=self._address)
        ]
        return tuple(sorted(events, key=lambda event: event.at_s))

    def close(self) -> None:
        """Close the tap's streams, and remove the client's container that was prepared in it. The
        tap is removed, too, unless the lab is kept.
        """
        self._clients.close()
        self._stream.close()
        if not self._containers.keep:
            self._containers.discard(self._container)
