"""What one run of a student's program left behind, as rules look at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from labctl.model.packet import Packet, Tcp, Udp, Wire
from labctl.model.result import Flow, Observation, ServerEvent
from labctl.model.scenario import Target

_HALF = 1 << 31


@dataclass(frozen=True, kw_only=True)
class Seen:
    """`took_s` is measured outside of the client, in seconds; `places` are what `{host}` and the
    like stand for in this lab. `servers` are the names of the services that the target is one of.
    """

    observation: Observation
    wire: Wire | None
    took_s: float
    target: Target
    places: dict[str, str] = field(default_factory=dict)
    servers: frozenset[str] = frozenset()

    @property
    def lost(self) -> bool:
        """Whether the client sent more than the capture or the services' events could keep."""
        seen = self.observation
        return bool(seen.flows is None or seen.lost_packets or seen.lost_events)

    @property
    def cut(self) -> bool:
        """Whether a packet that the client sent was too long, or in too many pieces, to be kept."""
        out = [one for one in self.wire.packets if one.direction == "out"] if self.wire else []
        return any(map(_is_cut, out))

    def own_flows(self) -> list[Flow]:
        """The flows that the client began."""
        flows = self.observation.flows or ()
        return [flow for flow in flows if not (flow.detail and flow.detail.incoming)]

    def connections(self) -> list[Flow]:
        """The client's flows to the target itself, in order."""
        return [flow for flow in self._at_its_host() if self._aims(flow)]

    def _aims(self, flow: Flow) -> bool:
        # The C library takes the last 16 bits of a port, be it 66000.
        return flow.port == self.target.port % 65536

    def _at_its_host(self) -> list[Flow]:
        """The client's flows to the target's host, be it by another of its names."""
        host = self.target.host.lower()
        told = [f.detail.dns for f in self.own_flows() if f.detail and f.host.lower() == host]
        addresses = {self.target.host, *(one for dns in told if dns for one in dns.answers)}
        return [
            flow
            for flow in self.own_flows()
            if flow.protocol in ("tcp", "udp")
            and (flow.host.lower() == host or flow.address in addresses)
        ]

    def served(self) -> list[ServerEvent]:
        """What the services said of the client. Of the target's own, only what came over
        connections to the target: its other ports may do something else.
        """
        at_its_host = self._at_its_host()
        aimed = {_source(flow) for flow in at_its_host if self._aims(flow)}
        # A program may connect from one port to two.
        aimed -= {_source(flow) for flow in at_its_host if not self._aims(flow)}
        return [
            event
            for event in self.observation.served
            if event.service not in self.servers or event.peer in aimed
        ]

    def tried(self) -> bool:
        """Whether the client went for the target at all: connected, or asked for its name."""
        host = self.target.host.lower()
        asked = any(f.protocol == "dns" and f.host.lower() == host for f in self.own_flows())
        return asked or bool(self.connections())

    def sent(self) -> Iterator[bytes]:
        """All that the client sent, joined by connection."""
        numbers = {one.number: one for one in self.wire.packets} if self.wire else {}
        for conversation in self.wire.conversations if self.wire else ():
            packets = [numbers[n] for n in conversation.numbers if n in numbers]
            yield _joined([one for one in packets if one.direction == "out"])


def _source(flow: Flow) -> str:
    """Where it came from, as services write it."""
    return f"{flow.detail.source}:{flow.detail.source_port}" if flow.detail else ""


def _is_cut(packet: Packet) -> bool:
    body = packet.body
    if isinstance(body, Tcp | Udp):
        return len(body.payload) < body.length
    return body is None and packet.protocol in ("tcp", "udp", "fragment")


def _joined(packets: list[Packet]) -> bytes:
    """The payloads: of TCP in the order of their sequence numbers, and once each byte that was sent
    twice; of UDP one after the other.
    """
    bodies = [packet.body for packet in packets]
    datagrams = [body.payload for body in bodies if isinstance(body, Udp)]
    return b"".join([*_stream([body for body in bodies if isinstance(body, Tcp)]), *datagrams])


def _stream(segments: list[Tcp]) -> Iterator[bytes]:
    """What is new in each segment. They are counted from the first, for numbers wrap around."""
    placed = [((one.seq - segments[0].seq + _HALF) % (2 * _HALF), one.payload) for one in segments]
    end = 0
    for offset, payload in sorted(placed):
        yield payload[max(0, end - offset) :]
        end = max(end, offset + len(payload))
