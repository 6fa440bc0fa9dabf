"""UDP packets -> exchanges of datagrams; those that carry DNS go to the DNS tracker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from labctl.model.flow_detail import IcmpError
from labctl.model.packet import Packet, Quoted, Udp
from labctl.wire import dns
from labctl.wire.track import Endpoint, Pair, Track, came_in


@dataclass(kw_only=True)
class UdpTrack(Track):
    """All datagrams between two ports."""

    answers: int = 0

    def outcome(self) -> str:
        if self.answers:
            return "answered"
        return "unreachable" if self.icmp else "unanswered"

    def add(self, packet: Packet, udp: Udp) -> None:
        """One more datagram."""
        self.numbers.append(packet.number)
        if (packet.source, udp.source_port) == self.client:
            self.requests += 1
            self.bytes_sent += udp.length
        else:
            self.answers += 1
            self.bytes_received += udp.length


@dataclass
class UdpTracker:
    """Sorts datagrams. `trusted` says which servers' DNS is the lab's own; what others say on
    port 53 is plain UDP.
    """

    names: dns.DnsTracker
    trusted: Callable[[Packet, str], bool]
    tracks: list[UdpTrack] = field(default_factory=list)
    _current: dict[Pair, UdpTrack] = field(default_factory=dict)

    def add(self, packet: Packet, udp: Udp) -> None:
        """One datagram."""
        source = (packet.source, udp.source_port)
        destination = (packet.destination, udp.destination_port)
        if self._is_dns(packet, udp, source, destination):
            return
        pair = frozenset((source, destination))
        track = self._current.get(pair)
        if track is None:
            if udp.source_port == dns.PORT and came_in(packet):
                # An answer that comes after whoever asked has gone.
                return
            track = UdpTrack(protocol="udp", first=packet, client=source, server=destination)
            self.tracks.append(track)
            self._current[pair] = track
        track.add(packet, udp)

    def error(self, packet: Packet, quoted: Quoted, error: IcmpError) -> None:
        """An ICMP error about a datagram."""
        client = (quoted.source, quoted.source_port)
        server = (quoted.destination, quoted.destination_port)
        track = self._current.get(frozenset((client, server)))
        if track:
            track.numbers.append(packet.number)
            track.icmp = track.icmp or error
        elif quoted.destination_port == dns.PORT:
            self.names.error(packet, client, quoted.destination, error)

    def _is_dns(self, packet: Packet, udp: Udp, source: Endpoint, destination: Endpoint) -> bool:
        """Whether it was a DNS message, which the DNS tracker has now."""
        if dns.PORT not in (udp.source_port, udp.destination_port):
            return False
        asks = udp.destination_port == dns.PORT
        server = destination if asks else source
        message = dns.parse(udp.payload) if self.trusted(packet, server[0]) else None
        if message is None or message.response == asks:
            return False
        if asks:
            self.names.query(packet, source, destination, message)
        else:
            self.names.response(packet, destination, source, message)
        return True
