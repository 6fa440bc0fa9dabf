"""What the trackers of all protocols share: a flow in the making."""

from __future__ import annotations

from dataclasses import dataclass, field

from labctl.model.flow_detail import FlowDetail, IcmpError
from labctl.model.packet import LOOPBACK, Packet

Endpoint = tuple[str, int]
Pair = frozenset[Endpoint]


@dataclass(kw_only=True)
class Track:
    """One conversation while its packets come in. The client is whoever began it; `numbers` are
    those of its packets, requests and retries among them.
    """

    protocol: str
    first: Packet
    client: Endpoint
    server: Endpoint
    numbers: list[int] = field(default_factory=list)
    requests: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    icmp: IcmpError | None = None

    def outcome(self) -> str:
        """One of the protocol's outcomes, as things stand."""
        raise NotImplementedError

    def host(self) -> str | None:
        """What the flow's host is called, where that isn't the name of its address."""
        return None

    def detail(self) -> FlowDetail:
        """All but the outcome."""
        return FlowDetail(
            source=self.client[0],
            source_port=self.client[1] or None,
            incoming=came_in(self.first),
            packets=len(self.numbers),
            requests=self.requests,
            bytes_sent=self.bytes_sent,
            bytes_received=self.bytes_received,
            icmp=self.icmp,
        )


def came_in(packet: Packet) -> bool:
    """Whether another host than the client's sent it. On loopback there is no other."""
    return packet.direction == "in" and packet.interface != LOOPBACK
