"""Owns the network namespace that attempts run in, and sees every packet in it.

Commands on stdin, a line each: `drain` is answered with an event `drained`, which holds all packets
since the last one.
"""

from __future__ import annotations

import binascii
import os
import socket
from pathlib import Path

from .capture import Capture, CapturedPacket
from .events import emit
from .lifeline import commands, say_ready


def main() -> None:
    """Point the namespace at the lab's name server, and capture packets until labctl goes.

    Containers that join the namespace share this file. So attempts never meet the engine's own
    resolver, which is slow to say that a name is unknown.

    Docker touches the file whenever a container joins. A client that runs at that moment would read
    it again at its next look-up, and find no name at all where it has no file descriptor left.
    """
    Path("/etc/resolv.conf").write_text(
        f"nameserver {os.environ['LAB_DNS']}\noptions timeout:1 attempts:1 no-reload\n", "ascii"
    )
    with Capture() as capture:
        say_ready(address=_own_address(os.environ["LAB_DNS"]))
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


def _own_address(neighbour: str) -> str:
    """Return the address that packets to a neighbour leave from. No packet is sent to find out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((neighbour, 53))
        return str(probe.getsockname()[0])
