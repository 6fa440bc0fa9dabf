"""TCP packets -> connections and their outcomes (RFC 9293)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from labctl.model.flow_detail import FlowDetail, IcmpError, Side
from labctl.model.packet import ACK, FIN, LOOPBACK, RST, SYN, Packet, Quoted, Tcp
from labctl.wire import tls
from labctl.wire.track import Endpoint, Pair, Track

_MODULUS = 1 << 32
_DNS_LENGTH = 2
STREAM_LIMIT = 16 * 1024
"""Bytes kept of each direction: a handshake, the start of a dialogue, any answer of a lab's DNS."""
_PIECES_LIMIT = 256


class Stream:
    """The first bytes of one direction of a connection, put in order.

    Segments may come in any order, twice, overlapping and cut short. `data` is what is complete
    from the start, at most STREAM_LIMIT bytes; `length` counts all bytes that were sent.
    """

    def __init__(self) -> None:
        """Begin with no data."""
        self.data = b""
        self.length = 0
        self._later: dict[int, bytes] = {}

    def add(self, offset: int, payload: bytes, length: int) -> None:
        """Add a segment.

        `offset` counts from the start, modulo 2**32; `payload` was captured of it, and `length` is
        its length on the wire.
        """
        if offset >= _MODULUS // 2 or not length:
            # Before the start: a keepalive of an idle connection.
            return
        self.length = max(self.length, offset + length)
        if offset >= STREAM_LIMIT or len(self._later) >= _PIECES_LIMIT:
            return
        if len(payload) > len(self._later.get(offset, b"")):
            self._later[offset] = payload[: STREAM_LIMIT - offset]
        self._join()

    def _join(self) -> None:
        """Add the pieces that came too early to `data`, as far as it now reaches them."""
        for offset in sorted(self._later):
            if offset > len(self.data):
                return
            piece = self._later.pop(offset)[len(self.data) - offset :]
            self.data = (self.data + piece)[:STREAM_LIMIT]


@dataclass(kw_only=True)
class TcpTrack(Track):
    """One connection, from its first SYN on."""

    isn: int
    """The client's initial sequence number."""
    server_isn: int | None = None
    """The server's, from its SYN+ACK. With it the connection counts as established."""
    is_refused: bool = False
    reset_by: Side | None = None
    fins: list[Side] = field(default_factory=list)
    streams: dict[Side, Stream] = field(
        default_factory=lambda: {"client": Stream(), "server": Stream()}
    )
    dns_bytes_read: dict[Side, int] = field(default_factory=lambda: {"client": 0, "server": 0})

    def outcome(self) -> str:
        """Return `refused`, `unreachable`, `unanswered`, `reset`, `closed` or `open`."""
        if self.is_refused:
            return "refused"
        if self.server_isn is None:
            return "unreachable" if self.icmp else "unanswered"
        if self.reset_by:
            return "reset"
        return "closed" if self.fins else "open"

    def is_over(self) -> bool:
        """Tell whether the connection has ended, so that a SYN between the same ports begins
        another one.
        """
        return self.is_refused or self.reset_by is not None or len(self.fins) == 2  # noqa: PLR2004

    def detail(self) -> FlowDetail:
        """Return everything about the flow except its outcome, a TLS handshake included."""
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
        """Return which end sent the packet; of a socket connected to itself, always the client."""
        return "client" if (packet.source, tcp.source_port) == self.client else "server"

    def add(self, packet: Packet, tcp: Tcp) -> None:
        """Add the next packet of this connection."""
        self.numbers.append(packet.number)
        side = self.side(packet, tcp)
        if tcp.flags & RST:
            self._add_reset(side, tcp)
        elif tcp.flags & SYN and not tcp.flags & ACK:
            self.requests += 1
        elif tcp.flags & SYN and self._answers_syn(tcp):
            self.server_isn = tcp.seq
        self._add_data(side, tcp)
        if tcp.flags & FIN and side not in self.fins:
            self.fins.append(side)

    def _answers_syn(self, tcp: Tcp) -> bool:
        """Return whether it acknowledges the SYN or data sent with it; kernels ignore others."""
        return bool(tcp.flags & ACK) and 1 <= (tcp.ack - self.isn) % _MODULUS <= 1 << 16

    def _add_reset(self, side: Side, tcp: Tcp) -> None:
        """Note who refused or reset the connection.

        A RST after both FINs, or from a client that has closed already, does not count: a kernel
        sends it in answer to packets that came too late, and no program sees it.
        """
        if self.server_isn is None:
            self.is_refused = self.is_refused or (side == "server" and self._answers_syn(tcp))
        elif not self.reset_by and not self._is_late(side):
            self.reset_by = side

    def _is_late(self, side: Side) -> bool:
        """Return whether a RST from that side comes after the end of the connection."""
        return len(self.fins) == 2 or (side == "client" and "client" in self.fins)  # noqa: PLR2004

    def _add_data(self, side: Side, tcp: Tcp) -> None:
        """Add a segment's data to the stream of its side."""
        start = self.isn if side == "client" else self.server_isn
        if start is not None:
            self.streams[side].add((tcp.seq - start - 1) % _MODULUS, tcp.payload, tcp.length)

    def next_dns_messages(self, side: Side) -> Iterator[bytes]:
        """Yield the complete DNS messages of one side that are new (RFC 1035, 4.2.2)."""
        data = self.streams[side].data
        while True:
            start = self.dns_bytes_read[side] + _DNS_LENGTH
            end = start + int.from_bytes(data[start - _DNS_LENGTH : start], "big")
            if start > len(data) or end > len(data):
                return
            self.dns_bytes_read[side] = end
            yield data[start:end]


@dataclass
class TcpTracker:
    """Sorts packets into connections.

    Packets of a connection whose SYN isn't in the capture are left out: it began before, with an
    earlier client whose server may still be closing.
    """

    tracks: list[TcpTrack] = field(default_factory=list)
    _current: dict[Pair, TcpTrack] = field(default_factory=dict)

    def add(self, packet: Packet, tcp: Tcp) -> TcpTrack | None:
        """Add a packet to its connection and return this, or None if it belongs to none."""
        source = (packet.source, tcp.source_port)
        destination = (packet.destination, tcp.destination_port)
        pair = frozenset((source, destination))
        track = self._current.get(pair)
        is_opening = tcp.flags & (SYN | ACK | RST) == SYN
        if is_opening and (track is None or self._begins_anew(track, source, tcp)):
            track = self._begin(packet, source, destination, tcp.seq)
        if track:
            track.add(packet, tcp)
        return track

    def add_error(self, packet: Packet, quoted: Quoted, error: IcmpError) -> None:
        """Add an ICMP error to the connection of the packet that it quotes.

        If no neighbour answers, the client's kernel sends itself an error over loopback, about a
        SYN that never left. That begins a connection too.
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
        """Return whether a SYN between the same ports is no retry of the last connection's."""
        return track.is_over() or (source == track.client and tcp.seq != track.isn)

    def _begin(self, packet: Packet, client: Endpoint, server: Endpoint, isn: int) -> TcpTrack:
        """Begin to track a connection."""
        track = TcpTrack(protocol="tcp", first=packet, client=client, server=server, isn=isn)
        self.tracks.append(track)
        self._current[frozenset((client, server))] = track
        return track
