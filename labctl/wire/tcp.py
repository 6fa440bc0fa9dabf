"""TCP packets -> connections and how they ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from labctl.model.flow_detail import FlowDetail, IcmpError, Side
from labctl.model.packet import ACK, FIN, LOOPBACK, RST, SYN, Packet, Quoted, Tcp
from labctl.wire import tls
from labctl.wire.stream import Stream
from labctl.wire.track import Endpoint, Pair, Track

_MODULUS = 1 << 32
_DNS_LENGTH = 2


@dataclass(kw_only=True)
class TcpTrack(Track):
    """One connection, from its first SYN."""

    isn: int
    """The initial sequence number of the client."""
    server_isn: int | None = None
    """The server's, from its SYN+ACK; with it the connection counts as established."""
    refused: bool = False
    reset_by: Side | None = None
    fins: list[Side] = field(default_factory=list)
    streams: dict[Side, Stream] = field(
        default_factory=lambda: {"client": Stream(), "server": Stream()}
    )
    messages_read: dict[Side, int] = field(default_factory=lambda: {"client": 0, "server": 0})

    def outcome(self) -> str:
        if self.refused:
            return "refused"
        if self.server_isn is None:
            return "unreachable" if self.icmp else "unanswered"
        if self.reset_by:
            return "reset"
        return "closed" if self.fins else "open"

    def over(self) -> bool:
        """Whether a SYN between the same ports begins another connection."""
        return self.refused or self.reset_by is not None or len(self.fins) == 2  # noqa: PLR2004

    def detail(self) -> FlowDetail:
        self.bytes_sent = self.streams["client"].length
        self.bytes_received = self.streams["server"].length
        return (
            super()
            .detail()
            .model_copy(
                update={
                    "reset_by": self.reset_by,
                    "closed_first": self.fins[0] if self.fins else None,
                    "tls": tls.handshake(self.streams["client"].data, self.streams["server"].data),
                }
            )
        )

    def side(self, packet: Packet, tcp: Tcp) -> Side:
        """Who sent it. A socket connected to itself is its own client."""
        return "client" if (packet.source, tcp.source_port) == self.client else "server"

    def add(self, packet: Packet, tcp: Tcp) -> None:
        """One more packet of this connection."""
        self.numbers.append(packet.number)
        side = self.side(packet, tcp)
        if tcp.flags & RST:
            self._reset(side, tcp)
        elif tcp.flags & SYN and not tcp.flags & ACK:
            self.requests += 1
        elif tcp.flags & SYN and self._answers_syn(tcp):
            self.server_isn = tcp.seq
        self._data(side, tcp)
        if tcp.flags & FIN and side not in self.fins:
            self.fins.append(side)

    def _answers_syn(self, tcp: Tcp) -> bool:
        """Whether it acknowledges the SYN, or data that went with it; else kernels ignore it."""
        return bool(tcp.flags & ACK) and 1 <= (tcp.ack - self.isn) % _MODULUS <= 1 << 16

    def _reset(self, side: Side, tcp: Tcp) -> None:
        """A RST that comes after both FINs, or from a client that has closed already, is what
        its kernel says to packets that come too late: nobody sees it any more.
        """
        if self.server_isn is None:
            self.refused = self.refused or (side == "server" and self._answers_syn(tcp))
        elif not self.reset_by and not self._aftermath(side):
            self.reset_by = side

    def _aftermath(self, side: Side) -> bool:
        return len(self.fins) == 2 or (side == "client" and "client" in self.fins)  # noqa: PLR2004

    def _data(self, side: Side, tcp: Tcp) -> None:
        start = self.isn if side == "client" else self.server_isn
        if start is not None:
            self.streams[side].add((tcp.seq - start - 1) % _MODULUS, tcp.payload, tcp.length)

    def dns_messages(self, side: Side) -> Iterator[bytes]:
        """DNS messages of one side that are complete and weren't given before (RFC 1035 4.2.2)."""
        data = self.streams[side].data
        while True:
            start = self.messages_read[side] + _DNS_LENGTH
            end = start + int.from_bytes(data[start - _DNS_LENGTH : start], "big")
            if start > len(data) or end > len(data):
                return
            self.messages_read[side] = end
            yield data[start:end]


@dataclass
class TcpTracker:
    """Sorts packets into connections. Packets of one whose SYN isn't in the capture began before
    it, and are left out: an earlier client's server may still be saying goodbye.
    """

    tracks: list[TcpTrack] = field(default_factory=list)
    _current: dict[Pair, TcpTrack] = field(default_factory=dict)

    def add(self, packet: Packet, tcp: Tcp) -> TcpTrack | None:
        """The connection that the packet belongs to."""
        source = (packet.source, tcp.source_port)
        destination = (packet.destination, tcp.destination_port)
        pair = frozenset((source, destination))
        track = self._current.get(pair)
        opening = tcp.flags & (SYN | ACK | RST) == SYN
        if opening and (track is None or self._begins_anew(track, source, tcp)):
            track = self._begin(packet, source, destination, tcp.seq)
        if track:
            track.add(packet, tcp)
        return track

    def error(self, packet: Packet, quoted: Quoted, error: IcmpError) -> None:
        """An ICMP error. Where no neighbour answers, the kernel sends itself one, over loopback,
        about a SYN that never left: that is a connection too.
        """
        client = (quoted.source, quoted.source_port)
        server = (quoted.destination, quoted.destination_port)
        track = self._current.get(frozenset((client, server)))
        if track is None:
            if packet.interface != LOOPBACK:
                return
            track = self._begin(packet, client, server, 0)
        track.numbers.append(packet.number)
        track.icmp = track.icmp or error

    @staticmethod
    def _begins_anew(track: TcpTrack, source: Endpoint, tcp: Tcp) -> bool:
        return track.over() or (source == track.client and tcp.seq != track.isn)

    def _begin(self, packet: Packet, client: Endpoint, server: Endpoint, isn: int) -> TcpTrack:
        track = TcpTrack(protocol="tcp", first=packet, client=client, server=server, isn=isn)
        self.tracks.append(track)
        self._current[frozenset((client, server))] = track
        return track
