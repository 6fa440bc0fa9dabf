"""What one run of a student's program left behind, as rules look at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from labctl.model.packet import Packet, Tcp, Udp, Wire
from labctl.model.result import Flow, Observation
from labctl.model.scenario import Target


@dataclass(frozen=True, kw_only=True)
class Seen:
    """`took_s` is measured outside of the client, in seconds; `places` are what `{host}` and the
    like stand for in this lab.
    """

    observation: Observation
    wire: Wire | None
    took_s: float
    target: Target
    places: dict[str, str] = field(default_factory=dict)

    @property
    def lost(self) -> bool:
        """Whether the client sent more than the capture or the services' events could keep."""
        seen = self.observation
        return bool(seen.flows is None or seen.lost_packets or seen.lost_events)

    def own_flows(self) -> list[Flow]:
        """The flows that the client began."""
        flows = self.observation.flows or ()
        return [flow for flow in flows if not (flow.detail and flow.detail.incoming)]

    def connections(self) -> list[Flow]:
        """The client's flows to the target itself, in order."""
        return [flow for flow in self.own_flows() if self._aims(flow)]

    def _aims(self, flow: Flow) -> bool:
        same = flow.host.lower() == self.target.host.lower() or flow.address == self.target.host
        return flow.protocol in ("tcp", "udp") and same and flow.port == self.target.port

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


def _joined(packets: list[Packet]) -> bytes:
    """The payloads, in the order of their sequence numbers; what was sent again counts once."""
    segments: dict[int, bytes] = {}
    others = b""
    for packet in packets:
        if isinstance(packet.body, Tcp):
            kept = segments.get(packet.body.seq, b"")
            segments[packet.body.seq] = max(kept, packet.body.payload, key=len)
        elif isinstance(packet.body, Udp):
            others += packet.body.payload
    return b"".join(segments[seq] for seq in sorted(segments)) + others
