"""What is neither TCP nor UDP: address resolution, pings, and protocols without a decoder."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from labctl.model.flow_detail import FlowDetail, IcmpError
from labctl.model.packet import Icmp, Neighbour, Packet, Quoted
from labctl.wire.track import Track, came_in

_KERNELS_OWN = ("igmp", "icmpv6", "ndp", "arp", "fragment")
"""Group membership, router solicitations and the like, which kernels send by themselves; the
fragments after the first belong to the datagram that the first one shows.
"""


@dataclass(kw_only=True)
class NeighbourTrack(Track):
    """Requests for the address of one neighbour."""

    def outcome(self) -> str:
        return "unanswered"


@dataclass
class NeighbourTracker:
    """ARP and neighbour discovery: requests of the client's host that nobody answers.

    Answered ones are no flows: the packets that follow tell more. A kernel's questions to one
    host alone, whether it is still there, and what it announces of itself are no flows either.
    """

    asked: dict[tuple[str, str], NeighbourTrack] = field(default_factory=dict)
    _alive: set[str] = field(default_factory=set)

    def heard(self, packet: Packet) -> None:
        """A packet came in: whoever sent it is there."""
        self._alive.add(packet.source)

    def add(self, packet: Packet, neighbour: Neighbour) -> None:
        """One request or answer."""
        if not neighbour.question or not neighbour.to_all or packet.direction == "in":
            return
        if neighbour.sender == neighbour.target or _is_unset(neighbour.sender):
            return
        key = (packet.protocol, neighbour.target)
        track = self.asked.get(key)
        if track is None:
            track = self.asked[key] = NeighbourTrack(
                protocol=packet.protocol,
                first=packet,
                client=(neighbour.sender, 0),
                server=(neighbour.target, 0),
            )
        track.requests += 1
        track.numbers.append(packet.number)

    def tracks(self) -> list[NeighbourTrack]:
        """The requests that nobody answered."""
        return [track for (_, target), track in self.asked.items() if target not in self._alive]


def _is_unset(address: str) -> bool:
    """Whether a host asks that has no address yet, and wants to know if one is taken."""
    return ipaddress.ip_address(address).is_unspecified


@dataclass(kw_only=True)
class OtherTrack(Track):
    """Packets of one protocol to one host. Only pings are known to have answers."""

    answers: int = 0
    malformed: bool = False

    def outcome(self) -> str:
        if self.malformed:
            return "malformed"
        if self.protocol not in ("icmp", "icmpv6"):
            return "sent"
        if self.answers:
            return "answered"
        return "unreachable" if self.icmp else "unanswered"

    def detail(self) -> FlowDetail:
        return super().detail().model_copy(update={"source_port": None})


_Key = tuple[str, str, str, bool]


@dataclass
class OtherTracker:
    """Everything that would else go unseen, for a client may speak any protocol."""

    found: dict[_Key, OtherTrack] = field(default_factory=dict)

    def add(self, packet: Packet) -> None:
        """A packet of a protocol that nothing is known of, or one that makes no sense."""
        if came_in(packet) or (packet.protocol in _KERNELS_OWN and not packet.malformed):
            return
        self._request(packet, malformed=bool(packet.malformed))

    def ping(self, packet: Packet, icmp: Icmp) -> None:
        """An echo request or reply."""
        if icmp.type in (8, 128):
            self._request(packet, malformed=False)
            return
        track = self.found.get((packet.protocol, packet.destination, packet.source, False))
        if track:
            track.numbers.append(packet.number)
            track.answers += 1

    def error(self, packet: Packet, quoted: Quoted, error: IcmpError) -> None:
        """An ICMP error about one of these packets."""
        track = self.found.get((quoted.protocol, quoted.source, quoted.destination, False))
        if track:
            track.numbers.append(packet.number)
            track.icmp = track.icmp or error

    def _request(self, packet: Packet, *, malformed: bool) -> None:
        key = (packet.protocol, packet.source, packet.destination, malformed)
        track = self.found.get(key)
        if track is None:
            track = self.found[key] = OtherTrack(
                protocol=packet.protocol,
                first=packet,
                client=(packet.source, 0),
                server=(packet.destination, 0),
                malformed=malformed,
            )
        track.requests += 1
        track.numbers.append(packet.number)
