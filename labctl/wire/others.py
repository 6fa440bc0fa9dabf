"""Packets that are neither TCP nor UDP -> flows: ARP, pings, and protocols without a decoder."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from labctl.model.flow_detail import FlowDetail, IcmpError
from labctl.model.packet import Icmp, Neighbour, Packet, Quoted
from labctl.wire.track import Track, is_incoming

_NO_FLOW = ("igmp", "icmpv6", "ndp", "arp", "fragment")
"""Protocols that kernels speak by themselves (group membership, router solicitations); and
fragments after the first, since they belong to the datagram that the first one begins.
"""


@dataclass(kw_only=True)
class NeighbourTrack(Track):
    """The requests for one neighbour's hardware address, none of which was answered."""

    def outcome(self) -> str:
        """Return `unanswered`: answered requests are no flows."""
        return "unanswered"


@dataclass
class NeighbourTracker:
    """Sorts ARP and neighbour discovery: requests of the client's host that nobody answers.

    Answered requests are no flows: the packets that follow show more. Two other kinds are no flows
    either: a kernel's question to a known host whether it is still there, and its announcements.
    """

    _requested: dict[tuple[str, str], NeighbourTrack] = field(default_factory=dict)
    _alive: set[str] = field(default_factory=set)

    def add_sender(self, packet: Packet) -> None:
        """Note that the sender of an incoming packet is there."""
        self._alive.add(packet.source)

    def add(self, packet: Packet, neighbour: Neighbour) -> None:
        """Add one ARP or neighbour request. Answers count only as packets that came in
        (`add_sender`).
        """
        if not neighbour.question or not neighbour.to_all or packet.direction == "in":
            return
        if neighbour.sender == neighbour.target or _is_unset(neighbour.sender):
            return
        key = (packet.protocol, neighbour.target)
        track = self._requested.get(key)
        if track is None:
            track = self._requested[key] = NeighbourTrack(
                protocol=packet.protocol,
                first=packet,
                client=(neighbour.sender, 0),
                server=(neighbour.target, 0),
            )
        track.requests += 1
        track.numbers.append(packet.number)

    def tracks(self) -> list[NeighbourTrack]:
        """Return the flows: the requests for hosts from which no packet came."""
        return [
            track for (_, target), track in self._requested.items() if target not in self._alive
        ]


def _is_unset(address: str) -> bool:
    """Return whether it is 0.0.0.0 or ::, which a host asks from that has no address yet."""
    return ipaddress.ip_address(address).is_unspecified


@dataclass(kw_only=True)
class OtherTrack(Track):
    """The packets of one protocol to one host. Only those of pings can have answers."""

    answers: int = 0
    is_malformed: bool = False

    def outcome(self) -> str:
        """Return `malformed`, `sent`, or of pings `answered`, `unreachable` or `unanswered`."""
        if self.is_malformed:
            return "malformed"
        if self.protocol not in ("icmp", "icmpv6"):
            return "sent"
        if self.answers:
            return "answered"
        return "unreachable" if self.icmp else "unanswered"

    def detail(self) -> FlowDetail:
        """Return everything about the flow except its outcome; there are no ports."""
        return super().detail().model_copy(update={"source_port": None})


_Key = tuple[str, str, str, bool]
"""Protocol, source, destination, and whether the packets are malformed."""


@dataclass
class OtherTracker:
    """Sorts all other packets, since a client may speak any protocol."""

    _tracks: dict[_Key, OtherTrack] = field(default_factory=dict)

    def tracks(self) -> list[OtherTrack]:
        """Return the flows so far."""
        return list(self._tracks.values())

    def add(self, packet: Packet) -> None:
        """Add a packet of a protocol without a decoder, or a malformed one."""
        if is_incoming(packet) or (packet.protocol in _NO_FLOW and not packet.malformed):
            return
        self._add_request(packet, is_malformed=bool(packet.malformed))

    def add_ping(self, packet: Packet, icmp: Icmp) -> None:
        """Add an ICMP echo request or reply to its flow. Other messages are not to be given."""
        if icmp.type in (8, 128):
            self._add_request(packet, is_malformed=False)
            return
        track = self._tracks.get((packet.protocol, packet.destination, packet.source, False))
        if track:
            track.numbers.append(packet.number)
            track.answers += 1

    def add_error(self, packet: Packet, quoted: Quoted, error: IcmpError) -> None:
        """Add an ICMP error to the flow of the packet that it quotes."""
        track = self._tracks.get((quoted.protocol, quoted.source, quoted.destination, False))
        if track:
            track.numbers.append(packet.number)
            track.icmp = track.icmp or error

    def _add_request(self, packet: Packet, *, is_malformed: bool) -> None:
        """Count a packet in its flow, which may be new."""
        key = (packet.protocol, packet.source, packet.destination, is_malformed)
        track = self._tracks.get(key)
        if track is None:
            track = self._tracks[key] = OtherTrack(
                protocol=packet.protocol,
                first=packet,
                client=(packet.source, 0),
                server=(packet.destination, 0),
                is_malformed=is_malformed,
            )
        track.requests += 1
        track.numbers.append(packet.number)
