"""The messages between labctl and the programs in its containers: services, taps and probes.

Every message is one line. labctl.services and labctl.probe have the other half of each: they run in
containers, and import nothing of the rest of labctl. A test sees to it that both halves agree.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from labctl.model.packet import RawPacket

REPORT_LIMIT: Final = 1 << 20
"""Bytes of a probe's report that labctl reads."""


class Variable(StrEnum):
    """The environment variables of containers that labctl sets, or changes for a grade.

    Services have more, which only Compose files know.
    """

    HOST = "LAB_HOST"
    """In clients: the host of the scenario's target."""
    PORT = "LAB_PORT"
    """In clients: the port of the scenario's target."""
    ZONE = "LAB_ZONE"
    """In services: the names of the lab and their addresses, `name=address` with spaces between."""
    PORTS = "LAB_PORTS"
    """In services with a script: what each port does, in YAML (docs/services.md)."""
    RULES = "LAB_RULES"
    """In services with a script: nftables' rules in front of the ports."""
    ANSWERS = "LAB_ANSWERS"
    """In the name server: answers other than the zone's, in YAML."""
    CERTIFICATES = "LABCTL_CERTIFICATES"
    """In services with a script whose names the image has no certificates for: these, as JSON, a
    PEM text (key, certificate, chain) by the certificate's name.
    """
    ADDRESS = "LAB_ADDRESS"
    """In services that share a host: the address that is theirs."""
    PROGRAMS = "LABCTL_PROGRAMS"
    """In a host that several services share: their programs, as `host_programs` has them."""
    LINK = "LABCTL_LINK"
    """In hosts that make their own link to the network: a `Link`, as JSON."""
    LIFELINE = "LABCTL_LIFELINE"
    """In services and taps: a `Lifeline`."""


class Lifeline(StrEnum):
    """What a service or a tap does when its stdin closes, because labctl has gone."""

    CUT = "cut"
    """It ends."""
    KEEP = "keep"
    """It stays: people want to look at the lab (`labctl run --keep`)."""


GO: Final = "go"
"""To services, taps and probes: labctl listens; begin."""
READY: Final = b"ready"
"""From a probe: all is imported; the client can begin."""
DRAIN: Final = "drain"
"""To a tap: answer with all packets since the last time."""


def sync_request(token: str, address: str) -> str:
    """Return the line that asks a service to write all events of what came in so far, to forget the
    client of that address, and to answer with the token.
    """
    return f"sync {token} {address}"


def to_program(service: str, line: str) -> str:
    """Return a line for one of the programs of a host that several services share."""
    return f"{service} {line}"


def from_program(line: bytes) -> tuple[str, bytes]:
    """Return whose line it is that such a host wrote, and what it says. The host itself is ""."""
    service, _, said = line.partition(b" ")
    return service.decode("utf-8", "replace"), said


@dataclass(frozen=True, kw_only=True)
class Program:
    """To a host that several services share: one of their programs, and what is added to its
    environment.
    """

    command: Sequence[str]
    environment: Mapping[str, str]


def host_programs(programs: Mapping[str, Program]) -> str:
    """Return the programs of a host, by the names of their services, as one variable has them."""
    return json.dumps({name: asdict(program) for name, program in programs.items()})


@dataclass(frozen=True, kw_only=True)
class Link:
    """To a host that makes its own link to the network: its place there.

    The host that `carries` the network makes the bridge. One that `keeps` NET_ADMIN does not give
    it up afterwards.
    """

    carries: bool
    addresses: Sequence[str]
    prefix: int
    gateway: str
    keeps: bool

    def encode(self) -> str:
        """Return the link as the environment has it."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, kw_only=True)
class ProbeRequest:
    """To a probe: the client to run.

    `limit_s` is how many seconds of its own it has, and `most_s` how many in all, with those that
    it was starved. `env` is added to the environment, and `imports` are modules to import before.
    """

    source: str
    filename: str
    limit_s: float
    most_s: float
    argv: Sequence[str]
    env: Mapping[str, str]
    imports: Sequence[str]

    def encode(self) -> str:
        """Return the line for the probe's stdin, without its end."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class ProcessorTimes:
    """How long programs had a processor, and how long they waited for one, in seconds."""

    cpu_s: float = 0.0
    waited_s: float = 0.0

    def since(self, before: ProcessorTimes) -> ProcessorTimes:
        """Return what was added since a time before. Threads that ended meanwhile are missing in
        both times, so that it may be 0 where it was more.
        """
        return ProcessorTimes(
            max(0.0, self.cpu_s - before.cpu_s), max(0.0, self.waited_s - before.waited_s)
        )

    @classmethod
    def together(cls, times: Iterable[ProcessorTimes]) -> ProcessorTimes:
        """Return the times of programs that ran side by side: how long they had a processor in all,
        and how long the one waited that waited longest. They wait for each other, too, and so the
        sum of their waits is more than anybody was kept waiting.
        """
        listed = list(times)
        return cls(
            sum(one.cpu_s for one in listed), max((one.waited_s for one in listed), default=0.0)
        )


@dataclass(frozen=True, kw_only=True)
class Event:
    """From a service or a tap: something that happened there.

    `at_s` is a time of CLOCK_MONOTONIC, and `peer` the address and port of the client.
    """

    at_s: float
    event: str
    peer: str
    detail: Mapping[str, Any]

    @property
    def is_ready(self) -> bool:
        """Whether a service or a tap says that it is ready."""
        return self.event == "ready"

    @property
    def error(self) -> str:
        """The line that a program of a shared host wrote to stderr; "" for any other event."""
        return str(self.detail.get("text", "")) if self.event == "error" else ""

    @property
    def ended(self) -> str:
        """The service of a shared host whose program has ended; "" for any other event."""
        return str(self.detail.get("service", "")) if self.event == "ended" else ""

    @property
    def exit_code(self) -> int | None:
        """With what a program of a shared host has ended; None for any other event."""
        code = self.detail.get("code") if self.event == "ended" else None
        return code if isinstance(code, int) else None

    def is_sync(self, token: str) -> bool:
        """Tell whether this is the answer to the sync request with this token."""
        return self.event == "synced" and self.detail.get("token") == token

    @property
    def processor_times(self) -> ProcessorTimes:
        """The times of the service so far. It tells them when it is ready, and in answers to sync
        requests; they are 0 if it doesn't.
        """
        told = (self.detail.get(key, 0.0) for key in ("cpu_s", "waited_s"))
        return ProcessorTimes(*(one if isinstance(one, float) else 0.0 for one in told))


def decode_event(line: bytes) -> Event | None:
    """Return the event of a line; None if it is none, because it was cut off, for instance."""
    try:
        document = json.loads(line)
        event = document["event"]
        # A service of a user's own may say that it is ready, and no more.
        at_s = float(document.get("at_s", 0.0) if event == "ready" else document["at_s"])
        peer, detail = document.get("peer", ""), document.get("detail", {})
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if not (isinstance(event, str) and isinstance(peer, str) and isinstance(detail, dict)):
        return None
    return Event(at_s=at_s, event=event, peer=peer, detail=detail)


@dataclass(frozen=True, kw_only=True)
class DrainedPackets:
    """From a tap: all packets since the last time, and how many more it had no room for."""

    packets: tuple[RawPacket, ...]
    lost: int


def decode_packets(line: bytes) -> DrainedPackets | None:
    """Return the packets of a tap's answer to DRAIN; None if the line is no such answer."""
    event = decode_event(line)
    if event is None or event.event != "drained":
        return None
    return DrainedPackets(
        packets=tuple(
            RawPacket(
                at_ns=at_ns,
                interface=interface,
                direction="out" if is_outgoing else "in",
                length=length,
                data=base64.b64decode(data),
            )
            for at_ns, interface, is_outgoing, length, data in event.detail["packets"]
        ),
        lost=event.detail["lost"],
    )
