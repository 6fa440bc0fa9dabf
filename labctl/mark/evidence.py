"""The evidence of one run of a student's program, as the rules of `checks:` read it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from labctl.model.packet import Packet, Tcp, Udp, Wire
from labctl.model.result import Flow, Observation, ServerEvent
from labctl.model.scenario import Target

_HALF_SEQ = 1 << 31
"""Half of the TCP sequence number space (RFC 9293, section 3.4)."""


@dataclass(frozen=True, kw_only=True)
class RunEvidence:
    """Everything that was observed of one run.

    `took_s` are the seconds from start to end, measured outside of the client. `placeholders` are
    the values of `{host}` and others in this lab. `target_services` are the names of the services
    that listen at the target's host.
    """

    observation: Observation
    wire: Wire | None
    took_s: float
    target: Target
    placeholders: dict[str, str] = field(default_factory=dict)
    target_services: frozenset[str] = frozenset()

    @property
    def is_incomplete(self) -> bool:
        """Whether packets or server events were lost, because there were too many to keep."""
        observation = self.observation
        return bool(
            observation.flows is None or observation.lost_packets or observation.lost_events
        )

    @property
    def is_truncated(self) -> bool:
        """Whether a packet of the client is not kept as a whole: it was too long, or fragmented."""
        packets = self.wire.packets if self.wire else ()
        return any(_is_truncated(one) for one in packets if one.direction == "out")

    def client_flows(self) -> list[Flow]:
        """Return the flows that the client began."""
        flows = self.observation.flows or ()
        return [flow for flow in flows if not (flow.detail and flow.detail.incoming)]

    def connections(self) -> list[Flow]:
        """Return the client's flows to the target's host and port, in order."""
        return [flow for flow in self._target_host_flows() if self._is_target_port(flow)]

    def _is_target_port(self, flow: Flow) -> bool:
        """Tell whether a flow leads to the target's port. The C library takes the last 16 bits of a
        port, even of 66000.
        """
        # The C library takes the last 16 bits of a port, even of 66000.
        return flow.port == self.target.port % 65536

    def _target_host_flows(self) -> list[Flow]:
        """Return the client's flows to the target's host, by any of its names or its address."""
        host = self.target.host.lower()
        lookups = [
            flow.detail.dns
            for flow in self.client_flows()
            if flow.detail and flow.host.lower() == host
        ]
        addresses = {self.target.host, *(one for dns in lookups if dns for one in dns.answers)}
        return [
            flow
            for flow in self.client_flows()
            if flow.protocol in ("tcp", "udp")
            and (flow.host.lower() == host or flow.address in addresses)
        ]

    def server_events(self) -> list[ServerEvent]:
        """Return what the services reported of the client.

        Services at the target's host may do something else on other ports. So their events count
        only if they came over a connection to the target's port.
        """
        flows = self._target_host_flows()
        peers = {_source(flow) for flow in flows if self._is_target_port(flow)}
        # A program may connect from one source port to two ports of the host.
        peers -= {_source(flow) for flow in flows if not self._is_target_port(flow)}
        return [
            event
            for event in self.observation.served
            if event.service not in self.target_services or event.peer in peers
        ]

    def has_tried_target(self) -> bool:
        """Tell whether the client connected to the target, or at least looked up its name."""
        host = self.target.host.lower()
        has_looked_up = any(
            flow.protocol == "dns" and flow.host.lower() == host for flow in self.client_flows()
        )
        return has_looked_up or bool(self.connections())

    def sent_streams(self) -> Iterator[bytes]:
        """Yield all bytes that the client sent, joined for each conversation."""
        packets = {one.number: one for one in self.wire.packets} if self.wire else {}
        for conversation in self.wire.conversations if self.wire else ():
            own = [packets[number] for number in conversation.numbers if number in packets]
            yield _payload([one for one in own if one.direction == "out"])


def _source(flow: Flow) -> str:
    """Return the client's address and port of a flow, as services write them."""
    return f"{flow.detail.source}:{flow.detail.source_port}" if flow.detail else ""


def _is_truncated(packet: Packet) -> bool:
    """Tell whether a packet's payload is not all there."""
    body = packet.body
    if isinstance(body, Tcp | Udp):
        return len(body.payload) < body.length
    return body is None and packet.protocol in ("tcp", "udp", "fragment")


def _payload(packets: list[Packet]) -> bytes:
    """Return the payload of packets: the TCP stream, and UDP datagrams one after the other."""
    bodies = [packet.body for packet in packets]
    datagrams = [body.payload for body in bodies if isinstance(body, Udp)]
    return b"".join([*_tcp_stream([body for body in bodies if isinstance(body, Tcp)]), *datagrams])


def _tcp_stream(segments: list[Tcp]) -> Iterator[bytes]:
    """Yield the bytes of a TCP stream in order, bytes that were sent again only once.

    Offsets are relative to the first segment, because sequence numbers wrap around.
    """
    segments_by_offset = [
        ((one.seq - segments[0].seq + _HALF_SEQ) % (2 * _HALF_SEQ), one.payload) for one in segments
    ]
    end = 0
    for offset, payload in sorted(segments_by_offset):
        yield payload[max(0, end - offset) :]
        end = max(end, offset + len(payload))
