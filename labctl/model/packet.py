"""Packets: as the tap captures them, as they decode, and as a result document lists them.

Plain dataclasses where there may be thousands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from labctl.model.result import Flow

Direction = Literal["out", "in"]
Link = Literal["ethernet", "ip"]
LOOPBACK = "lo"


@dataclass(frozen=True, kw_only=True, slots=True)
class RawPacket:
    """One packet as an AF_PACKET socket in the tap's namespace gives it.

    `at_ns` is on the realtime clock. `data` may have been cut short by the capture; `length` is
    the packet's own. `ethernet` frames start with an Ethernet header (on loopback one of zeros),
    `ip` ones with the IP header. Loopback shows each packet going out *and* coming in: only
    those coming in count, and whoever reads packets leaves the others out.
    """

    at_ns: int
    interface: str
    direction: Direction
    data: bytes
    length: int
    link: Link = "ethernet"

    @property
    def duplicate(self) -> bool:
        """Whether it is the outgoing copy of what loopback shows twice."""
        return self.interface == LOOPBACK and self.direction == "out"


FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Tcp:
    """`length` is that of the payload on the wire; `payload` what was captured of it."""

    source_port: int
    destination_port: int
    seq: int
    ack: int
    flags: int
    payload: bytes
    length: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Udp:
    """`length` is that of the payload on the wire; `payload` what was captured of it."""

    source_port: int
    destination_port: int
    payload: bytes
    length: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Quoted:
    """The packet that an ICMP error is about, as far as the error quotes it. Ports are 0 where
    the protocol has none.
    """

    protocol: str
    source: str
    destination: str
    source_port: int = 0
    destination_port: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Icmp:
    """ICMP or ICMPv6. `quoted` only in errors; `echo` is the identifier of a ping or its answer."""

    version: Literal[4, 6]
    type: int
    code: int
    quoted: Quoted | None = None
    echo: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Neighbour:
    """ARP, or IPv6's neighbour solicitation and advertisement: who has `target`? `sender` has."""

    question: bool
    sender: str
    target: str
    to_all: bool
    """Whether it went to every host; kernels ask a host they know directly, now and then."""


Body = Tcp | Udp | Icmp | Neighbour


@dataclass(frozen=True, kw_only=True, slots=True)
class Packet:
    """One decoded packet. `number` counts from 1 in the order of the capture.

    `protocol` is tcp, udp, icmp, icmpv6, arp, ndp, igmp, `fragment` (any but the first), `ip-N` or
    `ethernet-XXXX` for what has no decoder. Addresses are IP addresses, empty if there is
    none. `malformed` says why there is no `body`, or is empty.
    """

    number: int
    at_ns: int
    interface: str
    direction: Direction
    length: int
    protocol: str
    source: str = ""
    destination: str = ""
    body: Body | None = None
    malformed: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversation:
    """A flow and the numbers of its packets, ICMP errors about it among them."""

    flow: Flow
    numbers: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Wire:
    """All that one attempt's capture shows. `names` are those of addresses, as far as known."""

    packets: tuple[Packet, ...]
    conversations: tuple[Conversation, ...]
    names: dict[str, str]

    @property
    def flows(self) -> tuple[Flow, ...]:
        """The flows in the order of their first packets."""
        return tuple(one.flow for one in self.conversations)
