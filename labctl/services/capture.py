"""Sees every packet of a network namespace, on all its interfaces, loopback too.

The kernel writes packets into a ring that this program maps (packet(7), PACKET_RX_RING, version 2
of its frames), so that nothing has to run while a client does: the ring is read when somebody asks
for it. It is what bounds the capture: the kernel counts the packets that find it full.
"""

from __future__ import annotations

import mmap
import socket
import struct
from typing import NamedTuple, final

ETH_P_ALL = 3
SOL_PACKET = 263
PACKET_RX_RING, PACKET_STATISTICS, PACKET_VERSION = 5, 6, 10
TPACKET_V2 = 1
STATUS_KERNEL, STATUS_USER = 0, 1
PACKET_OTHERHOST, PACKET_OUTGOING = 3, 4

FRAME = 2048
FRAMES = 4096
BLOCK = 64 * 1024

_HEADER = struct.Struct("=IIIHHII")
"""tp_status, tp_len, tp_snaplen, tp_mac, tp_net, tp_sec, tp_nsec of struct tpacket2_hdr."""
_ADDRESS = struct.Struct("=HHiHBB")
"""sll_family, sll_protocol, sll_ifindex, sll_hatype, sll_pkttype, sll_halen of sockaddr_ll."""
_ADDRESS_AT = 32
"""Where struct sockaddr_ll begins: after the header, aligned to 16 bytes."""


class CapturedPacket(NamedTuple):
    """One packet: `length` is its own, `data` what the ring had room for."""

    at_ns: int
    interface: str
    outgoing: bool
    length: int
    data: bytes


@final
class Capture:
    """A running capture; it needs CAP_NET_RAW to begin, and nothing afterwards."""

    def __init__(self) -> None:
        """Begin to capture the packets of all interfaces."""
        everything = socket.htons(ETH_P_ALL)
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, everything)
        self._socket.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V2)
        request = struct.pack("=IIII", BLOCK, FRAME * FRAMES // BLOCK, FRAME, FRAMES)
        self._socket.setsockopt(SOL_PACKET, PACKET_RX_RING, request)
        self._ring = mmap.mmap(self._socket.fileno(), FRAME * FRAMES)
        self._next = 0
        self._names: dict[int, str] = {}

    def __enter__(self) -> Capture:
        """Return the capture."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the capture."""
        self._ring.close()
        self._socket.close()

    def take(self) -> tuple[list[CapturedPacket], int]:
        """Return the packets since the last call, and how many more the kernel had no room for."""
        packets = []
        for _ in range(FRAMES):
            offset = self._next * FRAME
            status, length, kept, mac, _net, seconds, nanoseconds = _HEADER.unpack_from(
                self._ring, offset
            )
            if not status & STATUS_USER:
                break
            address = _ADDRESS.unpack_from(self._ring, offset + _ADDRESS_AT)
            interface = self._name(address[2])
            outgoing = address[4] == PACKET_OUTGOING
            # A bridge sends what is for a host that was silent for minutes to everybody: that is
            # others' packets. Loopback shows each packet twice, on its way out and in: one counts.
            if address[4] != PACKET_OTHERHOST and not (outgoing and interface == "lo"):
                data = self._ring[offset + mac : offset + mac + kept]
                at_ns = seconds * 1_000_000_000 + nanoseconds
                packets.append(CapturedPacket(at_ns, interface, outgoing, length, data))
            struct.pack_into("=I", self._ring, offset, STATUS_KERNEL)
            self._next = (self._next + 1) % FRAMES
        return packets, self._lost()

    def _lost(self) -> int:
        """Return how many packets were lost since the last call. Reading the kernel's count resets
        it.
        """
        counts = self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        lost: int = struct.unpack("=II", counts)[1]
        return lost

    def _name(self, index: int) -> str:
        """Return the name of a network interface by its index."""
        if index not in self._names:
            self._names[index] = socket.if_indextoname(index)
        return self._names[index]
