"""Decoded packets -> flows and their outcomes, with names for addresses."""

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
from labctl.wire.icmp import error_of
from labctl.wire.others import NeighbourTracker, OtherTracker
from labctl.wire.tcp import TcpTrack, TcpTracker
from labctl.wire.track import Track, came_in

_NO_NAMES: Mapping[str, str] = {}


def analyse(
    packets: Iterable[Packet],
    *,
    names: Mapping[str, str] = _NO_NAMES,
    resolvers: Collection[str] | None = None,
) -> Wire:
    """The flows in a capture, in the order of their first packets.

    A flow's host is the name whose look-up gave its address, the latest before its first packet;
    else what `names` has for the address (for hosts that nobody looks up, such as the resolver);
    else the address. Only answers of `resolvers` count as DNS, for a client may serve itself
    answers of its own; None trusts every server but those on loopback.
    """
    taken = tuple(packets)
    analysis = _Analysis(resolvers)
    for packet in taken:
        analysis.add(packet)
    tracks = sorted(analysis.tracks(), key=lambda track: track.first.number)
    known = _Names(analysis.dns.tracks, names)
    conversations = tuple(
        Conversation(flow=_flow(track, known), numbers=tuple(track.numbers)) for track in tracks
    )
    return Wire(packets=taken, conversations=conversations, names=known.latest())


class _Analysis:
    def __init__(self, resolvers: Collection[str] | None) -> None:
        self.resolvers = resolvers
        self.dns = dns.DnsTracker()
        self.udp = UdpTracker(self.dns, self.trusted)
        self.tcp = TcpTracker()
        self.neighbours = NeighbourTracker()
        self.others = OtherTracker()

    def trusted(self, packet: Packet, server: str) -> bool:
        """Whether that server's DNS is the lab's."""
        if self.resolvers is None:
            return packet.interface != LOOPBACK
        return server in self.resolvers

    def tracks(self) -> list[Track]:
        return [
            *self.tcp.tracks,
            *self.udp.tracks,
            *self.dns.tracks,
            *self.neighbours.tracks(),
            *self.others.found.values(),
        ]

    def add(self, packet: Packet) -> None:
        if came_in(packet):
            self.neighbours.heard(packet)
        match packet.body:
            case Tcp() as tcp:
                self._tcp(packet, tcp)
            case Udp() as udp:
                self.udp.add(packet, udp)
            case Neighbour() as neighbour:
                self.neighbours.add(packet, neighbour)
            case Icmp(echo=int()) as icmp:
                self.others.ping(packet, icmp)
            case Icmp() as icmp:
                self._error(packet, icmp)
            case None:
                self.others.add(packet)

    def _tcp(self, packet: Packet, tcp: Tcp) -> None:
        track = self.tcp.add(packet, tcp)
        if track and track.server[1] == dns.PORT and self.trusted(packet, track.server[0]):
            self._dns_over_tcp(packet, track, tcp)

    def _dns_over_tcp(self, packet: Packet, track: TcpTrack, tcp: Tcp) -> None:
        side = track.side(packet, tcp)
        for wire in track.dns_messages(side):
            message = dns.parse(wire)
            if message is None or message.response == (side == "client"):
                continue
            give = self.dns.query if side == "client" else self.dns.response
            give(packet, track.client, track.server, message)

    def _error(self, packet: Packet, icmp: Icmp) -> None:
        error = error_of(icmp, packet.source)
        if icmp.quoted is None or error is None:
            return
        match icmp.quoted.protocol:
            case "tcp":
                self.tcp.error(packet, icmp.quoted, error)
            case "udp":
                self.udp.error(packet, icmp.quoted, error)
            case _:
                self.others.error(packet, icmp.quoted, error)


@dataclass
class _Names:
    """What addresses are called: by the packet that said so, oldest first."""

    tracks: Sequence[dns.DnsTrack]
    given: Mapping[str, str]
    _learnt: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for track in sorted(self.tracks, key=lambda one: one.answered_at):
            for address in track.answer.addresses if track.answer else ():
                self._learnt.setdefault(address, []).append((track.answered_at, track.host()))

    def of(self, address: str, number: int) -> str:
        """The name of an address as a packet of that number goes there."""
        said = self._learnt.get(address, [])
        earlier = bisect_left(said, (number, ""))
        return said[earlier - 1][1] if earlier else self.given.get(address, address)

    def latest(self) -> dict[str, str]:
        """Every address that has a name."""
        learnt = {address: said[-1][1] for address, said in self._learnt.items()}
        return {**self.given, **learnt}


def _flow(track: Track, names: _Names) -> Flow:
    address, port = track.server
    return Flow(
        protocol=track.protocol,
        host=track.host() or names.of(address, track.first.number) or "?",
        address=address,
        port=port,
        outcome=track.outcome(),
        detail=track.detail(),
    )
