"""A flow in the making: the base of the tracks of all protocols."""

from __future__ import annotations

from dataclasses import dataclass, field

from labctl.model.flow_detail import FlowDetail, IcmpError
from labctl.model.packet import LOOPBACK, Packet

Endpoint = tuple[str, int]
"""An address and a port; the port is 0 where the protocol has none."""
Pair = frozenset[Endpoint]
"""Both ends of a flow, whichever of them sent a packet."""


@dataclass(kw_only=True)
class Track:
    """One flow while its packets are being read.

    `client` is the end that began the flow, `first` its first packet. `numbers` are those of all
    its packets; `requests` counts those that asked for something, retries included.
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
    """The first ICMP error about this flow."""

    def outcome(self) -> str:
        """Return the outcome of the flow after the packets so far: `refused`, `answered`, ..."""
        raise NotImplementedError

    def host(self) -> str | None:
        """Return the name of the flow's host, or None if it is the name of the server's address."""
        return None

    def detail(self) -> FlowDetail:
        """Return everything about the flow except its outcome."""
        return FlowDetail(
            source=self.client[0],
            source_port=self.client[1] or None,
            incoming=is_incoming(self.first),
            packets=len(self.numbers),
            requests=self.requests,
            bytes_sent=self.bytes_sent,
            bytes_received=self.bytes_received,
            icmp=self.icmp,
        )


def is_incoming(packet: Packet) -> bool:
    """Return whether another host sent the packet to the client; on loopback there is no other."""
    return packet.direction == "in" and packet.interface != LOOPBACK
