"""Packets -> the list in a result document, one line of text each."""

from __future__ import annotations

from labctl.model.packet import (
    ACK,
    FIN,
    PSH,
    RST,
    SYN,
    Icmp,
    Neighbour,
    Packet,
    Tcp,
    Udp,
    Wire,
)
from labctl.model.result import PacketInfo
from labctl.wire.icmp import meaning

PACKETS_LIMIT = 500
"""The list holds no more than the first so many packets of a capture."""
_FLAGS = ((SYN, "SYN"), (FIN, "FIN"), (RST, "RST"), (PSH, "PSH"), (ACK, "ACK"))


def list_packets(wire: Wire, *, start_ns: int) -> tuple[PacketInfo, ...]:
    """Return the first packets of a capture, in order, as a result document lists them.

    `start_ns` is when the client started, on the clock of the packets; times count from it.
    """
    flow_of = {
        number: index
        for index, conversation in enumerate(wire.conversations)
        for number in conversation.numbers
    }
    return tuple(
        PacketInfo(
            at_s=(packet.at_ns - start_ns) / 1e9,
            interface=packet.interface,
            source=packet.source,
            destination=packet.destination,
            protocol=packet.protocol,
            length=packet.length,
            info=packet.malformed or _info(packet),
            flow=flow_of.get(packet.number),
        )
        for packet in wire.packets[:PACKETS_LIMIT]
    )


def _info(packet: Packet) -> str:
    """Return the packet's contents in words (`40000 > 25 SYN, 0 B`), or nothing."""
    match body := packet.body:
        case Tcp():
            flags = "+".join(name for bit, name in _FLAGS if body.flags & bit)
            return f"{body.source_port} > {body.destination_port} {flags}, {body.length} B"
        case Udp():
            return f"{body.source_port} > {body.destination_port}, {body.length} B"
        case Icmp():
            return meaning(body)
        case Neighbour():
            return f"who has {body.target}?" if body.question else f"{body.sender} is here"
    return ""
