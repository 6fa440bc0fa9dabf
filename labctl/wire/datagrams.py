"""UDP packets -> flows. Those that carry DNS go to the DNS tracker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from labctl.model.flow_detail import IcmpError
from labctl.model.packet import Packet, Quoted, Udp
from labctl.wire import dns
from labctl.wire.track import Endpoint, Pair, Track, is_incoming


@dataclass(kw_only=True)
class UdpTrack(Track):
    """All datagrams between two ports. `answers` counts those that the server sent."""

    answers: int = 0

    def outcome(self) -> str:
        """Return `answered`, `unreachable` (an ICMP error came) or `unanswered`."""
        if self.answers:
            return "answered"
        return "unreachable" if self.icmp else "unanswered"

    def add(self, packet: Packet, udp: Udp) -> None:
        """Count one more datagram of this flow."""
        self.numbers.append(packet.number)
        if (packet.source, udp.source_port) == self.client:
            self.requests += 1
            self.bytes_sent += udp.length
        else:
            self.answers += 1
            self.bytes_received += udp.length


@dataclass
class UdpTracker:
    """Sorts datagrams into flows.

    `is_lab_resolver(packet, server)` says whether that server's DNS is the lab's own; what other
    servers say on port 53 is plain UDP.
    """

    dns: dns.DnsTracker
    is_lab_resolver: Callable[[Packet, str], bool]
    tracks: list[UdpTrack] = field(default_factory=list)
    _current: dict[Pair, UdpTrack] = field(default_factory=dict)

    def add(self, packet: Packet, udp: Udp) -> None:
        """Add one datagram to its flow, or begin a flow with it."""
        source = (packet.source, udp.source_port)
        destination = (packet.destination, udp.destination_port)
        if self._add_dns(packet, udp, source, destination):
            return
        pair = frozenset((source, destination))
        track = self._current.get(pair)
        if track is None:
            if udp.source_port == dns.PORT and is_incoming(packet):
                # An answer that comes after whoever asked has gone.
                return
            track = UdpTrack(protocol="udp", first=packet, client=source, server=destination)
            self.tracks.append(track)
            self._current[pair] = track
        track.add(packet, udp)

    def add_error(self, packet: Packet, quoted: Quoted, error: IcmpError) -> None:
        """Add an ICMP error to the flow of the datagram that it quotes."""
        client = (quoted.source, quoted.source_port)
        server = (quoted.destination, quoted.destination_port)
        track = self._current.get(frozenset((client, server)))
        if track:
            track.numbers.append(packet.number)
            track.icmp = track.icmp or error
        elif quoted.destination_port == dns.PORT:
            self.dns.add_error(packet, client, quoted.destination, error)

    def _add_dns(self, packet: Packet, udp: Udp, source: Endpoint, destination: Endpoint) -> bool:
        """Hand a DNS message to the DNS tracker; return whether the datagram was one."""
        if dns.PORT not in (udp.source_port, udp.destination_port):
            return False
        is_query = udp.destination_port == dns.PORT
        server = destination if is_query else source
        message = dns.parse(udp.payload) if self.is_lab_resolver(packet, server[0]) else None
        if message is None or message.is_response == is_query:
            return False
        if is_query:
            self.dns.add_query(packet, source, destination, message)
        else:
            self.dns.add_response(packet, destination, source, message)
        return True
