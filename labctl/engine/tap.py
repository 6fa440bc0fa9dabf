"""A tap: owns the network namespace that clients run in, and sees every packet in it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, wait

from labctl.engine.clients import ClientStarter, StartedClient
from labctl.engine.containers import tap_container
from labctl.engine.lab_containers import LabContainers
from labctl.engine.lab_images import LabImage
from labctl.engine.lab_services import LabServices
from labctl.engine.presence import Presence
from labctl.engine.runtime import OnNetwork, doing
from labctl.engine.service import RunningService
from labctl.engine.streams import Stream
from labctl.errors import EngineError
from labctl.model.evidence import Capture, Evidence
from labctl.model.messages import (
    DRAIN,
    GO,
    Lifeline,
    ProcessorTimes,
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
        self, containers: LabContainers, services: LabServices, *, image: LabImage,
        place: OnNetwork, lifeline: Lifeline, names: Mapping[str, str], carried: Future[None],
        presence: Presence,
    ) -> None:  # fmt: skip
        """Make the tap's container, and begin to start it as soon as the network is `carried`; the
        first attempt waits until it captures.

        `image` is the lab's image, `names` are those of the lab's addresses.
        """
        self._containers = containers
        self._services = services
        self._presence = presence
        self._names = names
        self._place = place
        (self._address,) = place.addresses
        self._is_ready = False
        self._syncs = 0
        self._container = containers.create(
            tap_container(
                image.reference,
                name=containers.new_name("tap"),
                place=place,
                environment={Variable.LIFELINE: lifeline},
                labels=containers.labels,
            )
        )
        self._stream: Stream = containers.attach(self._container, "the tap")
        self._starting = containers.in_background(lambda: self._start(carried))
        self._clients = ClientStarter(containers, tap=self._container, started=self._starting)

    def _start(self, carried: Future[None]) -> None:
        """Start the container, and tell its program to go. Raise EngineError if that fails."""
        self._containers.start(self._container, "the tap", after=carried)
        with doing("starting the tap"):
            self._stream.send_line(GO)

    def _wait_until_ready(self) -> None:
        """Wait until every packet in the namespace is captured. Raise EngineError if the tap
        fails.
        """
        if self._is_ready:
            return
        self._starting.result()
        with doing("starting the tap"):
            line = self._stream.read_line(deadline=time.monotonic() + _READY_S)
        event = decode_event(line)
        if event is None or not event.is_ready:
            errors = " ".join(self._stream.tail)
            raise EngineError(f"the tap did not get ready: {errors or 'it said nothing'}")
        self._is_ready = True

    def attempt(
        self, attempt: PlannedAttempt, *, limit_s: float, upcoming: PlannedAttempt | None = None
    ) -> Evidence:
        """Run one client in a fresh container; after `limit_s` seconds it is ended. The container
        of `upcoming`, the attempt that comes next, is started meanwhile.

        Only the services that the attempt needs are waited for, and asked what they saw. Raise
        ServiceError if one of them fails.

        A container may start before the tap and the services are ready, and while another client
        runs: the probe in it is alone, imports what the client imports, opens nothing, and starts
        the client when it is told to.
        """
        with self._presence.telling():
            client = self._clients.take(attempt, limit_s=limit_s)
            try:
                if upcoming is not None:
                    self._clients.prepare(upcoming, limit_s=limit_s)
                # Only then is the client's container removed: its end would show in the capture.
                return self._observe(client, attempt.services, limit_s)
            finally:
                self._clients.discard(client)

    def _observe(self, client: StartedClient, names: Iterable[str], limit_s: float) -> Evidence:
        """Run the client, and return its evidence: report, packets, and what the services of these
        names saw.
        """
        self._wait_until_ready()
        services = self._services.ready(names)
        self._clients.wait_until_ready(client)
        # An attempt that does not need a service does not let it forget the attempt's client.
        self._sync({one: one.mark() for one in self._services.remembering(self._address, services)})
        marks = {service: service.mark() for service in services}
        before = {service: service.processor_times for service in services}
        self._drain()
        self._services.note_client(self._address)
        ended = self._clients.run(client, limit_s=limit_s)
        for service in services:
            service.check_alive()
        self._sync(marks)
        return Evidence(
            report=ended.report,
            exit=ended.exit_code,
            out_of_memory=ended.is_out_of_memory,
            elapsed_s=ended.elapsed_s,
            services=ProcessorTimes.together(
                service.processor_times.since(before[service]) for service in services
            ),
            served=self._served(marks),
            served_lost=sum(service.lost_since(mark) for service, mark in marks.items()),
            capture=self._drain(),
        )

    def _sync(self, marks: Mapping[RunningService, int]) -> None:
        """Ask services to write all events of the client and to forget it; wait until they have."""
        self._syncs += 1
        deadline = time.monotonic() + _ANSWER_S
        token = f"{self._container[:12]}-{self._syncs}"
        for service in marks:
            service.request_sync(token, address=self._address)
        for service, mark in marks.items():
            service.wait_for_sync(token, mark=mark, deadline=deadline)
        self._services.note_forgotten(self._address, marks)

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
            resolvers=(self._place.name_server,),
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
        """Remove the client's container that was prepared in the tap; remove the tap, too, unless
        the lab is kept; and close the tap's streams.
        """
        wait([self._starting])
        self._clients.close()
        self._stream.close()
        if not self._containers.keep:
            self._containers.discard(self._container)
