"""Owns the network namespace that attempts run in, and sees every packet in it.

Commands on stdin, a line each: `drain` is answered with an event `drained`, which holds all packets
since the last one.
"""

from __future__ import annotations

import binascii

from .capture import Capture, CapturedPacket
from .events import emit
from .lifeline import commands, say_ready


def main() -> None:
    """Capture packets until labctl goes."""
    with Capture() as capture:
        say_ready()
        answer_commands(capture)


def answer_commands(capture: Capture) -> None:
    """Answer what labctl asks on stdin, until it goes."""
    for command in commands():
        if command == "drain":
            packets, lost = capture.take()
            emit("drained", lost=lost, packets=[_listed(packet) for packet in packets])


def _listed(packet: CapturedPacket) -> list[object]:
    """Return a packet as a list for JSON."""
    data = binascii.b2a_base64(packet.data, newline=False).decode("ascii")
    return [packet.at_ns, packet.interface, packet.outgoing, packet.length, data]
