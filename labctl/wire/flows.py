"""Decoded packets -> flows with their outcomes, and names for addresses."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from labctl.model.packet import (
    LOOPBACK,
    Conversation,
    Icmp,
    Neighbour,
    Packet,
    Tcp,
    Udp,
    Wire,
)
from labctl.model.result import Flow
from labctl.wire import dns
from labctl.wire.datagrams import UdpTracker
from labctl.wire.icmp import flow_error
from labctl.wire.others import NeighbourTracker, OtherTracker
from labctl.wire.tcp import TcpTrack, TcpTracker
from labctl.wire.track import Track, is_incoming

_NO_NAMES: Mapping[str, str] = {}


def analyse(
    packets: Iterable[Packet],
    *,
    names: Mapping[str, str] = _NO_NAMES,
    resolvers: Collection[str] | None = None,
) -> Wire:
    """Return the flows of a capture, in the order of their first packets.

    The host of a flow is the name whose look-up gave its address, the latest before its first
    packet; without one, the name that `names` (address -> name) has for the address, for hosts that
    nobody looks up, such as the resolver; without that, the address.

    `resolvers` are the addresses of the lab's name servers: only their answers count as DNS, since
    a client may run a name server of its own. None trusts every server that is not on loopback.
    """
    packets = tuple(packets)
    analysis = _Analysis(resolvers)
    for packet in packets:
        analysis.add(packet)
    tracks = sorted(analysis.tracks(), key=lambda track: track.first.number)
    host_names = _HostNames(analysis.dns.tracks, names)
    conversations = tuple(
        Conversation(flow=_flow(track, host_names), numbers=tuple(track.numbers))
        for track in tracks
    )
    return Wire(packets=packets, conversations=conversations, names=host_names.latest())


class _Analysis:
    """Hands each packet to the tracker of its protocol."""

    def __init__(self, resolvers: Collection[str] | None) -> None:
        """Take the addresses of the lab's name servers. None stands for every server outside of
        loopback.
        """
        self.resolvers = resolvers
        self.dns = dns.DnsTracker()
        self.udp = UdpTracker(self.dns, self.is_lab_resolver)
        self.tcp = TcpTracker()
        self.neighbours = NeighbourTracker()
        self.others = OtherTracker()

    def is_lab_resolver(self, packet: Packet, server: str) -> bool:
        """Return whether the server of this packet is a name server of the lab."""
        if self.resolvers is None:
            return packet.interface != LOOPBACK
        return server in self.resolvers

    def tracks(self) -> list[Track]:
        """Return the flows so far, in no particular order."""
        return [
            *self.tcp.tracks,
            *self.udp.tracks,
            *self.dns.tracks,
            *self.neighbours.tracks(),
            *self.others.tracks(),
        ]

    def add(self, packet: Packet) -> None:
        """Add the next packet of the capture to its flow."""
        if is_incoming(packet):
            self.neighbours.add_sender(packet)
        match packet.body:
            case Tcp() as tcp:
                self._add_tcp(packet, tcp)
            case Udp() as udp:
                self.udp.add(packet, udp)
            case Neighbour() as neighbour:
                self.neighbours.add(packet, neighbour)
            case Icmp(echo=int()) as icmp:
                self.others.add_ping(packet, icmp)
            case Icmp() as icmp:
                self._add_error(packet, icmp)
            case None:
                self.others.add(packet)

    def _add_tcp(self, packet: Packet, tcp: Tcp) -> None:
        """Add a TCP segment to its flow, and to its look-up if it is DNS."""
        track = self.tcp.add(packet, tcp)
        if track and track.server[1] == dns.PORT and self.is_lab_resolver(packet, track.server[0]):
            self._add_dns_over_tcp(packet, track, tcp)

    def _add_dns_over_tcp(self, packet: Packet, track: TcpTrack, tcp: Tcp) -> None:
        """Add the DNS messages that a segment completes."""
        side = track.side(packet, tcp)
        for wire in track.next_dns_messages(side):
            message = dns.parse(wire)
            if message is None or message.is_response == (side == "client"):
                continue
            add = self.dns.add_query if side == "client" else self.dns.add_response
            add(packet, track.client, track.server, message)

    def _add_error(self, packet: Packet, icmp: Icmp) -> None:
        """Add an ICMP error to the flow that it is about."""
        error = flow_error(icmp, packet.source)
        if icmp.quoted is None or error is None:
            return
        match icmp.quoted.protocol:
            case "tcp":
                self.tcp.add_error(packet, icmp.quoted, error)
            case "udp":
                self.udp.add_error(packet, icmp.quoted, error)
            case _:
                self.others.add_error(packet, icmp.quoted, error)


@dataclass
class _HostNames:
    """The names of addresses: `given` ones, and those that DNS answers taught, oldest first."""

    tracks: Sequence[dns.DnsTrack]
    given: Mapping[str, str]
    _learnt: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin with the given names."""
        for track in sorted(self.tracks, key=lambda track: track.answer_number):
            for address in track.answer.addresses if track.answer else ():
                self._learnt.setdefault(address, []).append((track.answer_number, track.host()))

    def at(self, address: str, number: int) -> str:
        """Return the name that an address had when packet `number` went there, else the address."""
        names = self._learnt.get(address, [])
        earlier = bisect_left(names, (number, ""))
        return names[earlier - 1][1] if earlier else self.given.get(address, address)

    def latest(self) -> dict[str, str]:
        """Return the last name of every address that has one: address -> name."""
        learnt = {address: names[-1][1] for address, names in self._learnt.items()}
        return {**self.given, **learnt}


def _flow(track: Track, names: _HostNames) -> Flow:
    """Return a tracked flow with the name of its host."""
    address, port = track.server
    return Flow(
        protocol=track.protocol,
        host=track.host() or names.at(address, track.first.number) or "?",
        address=address,
        port=port,
        outcome=track.outcome(),
        detail=track.detail(),
    )
