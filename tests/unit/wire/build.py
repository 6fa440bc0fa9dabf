"""Packets built by hand, as a tap on 198.18.0.128 would capture them."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass, field
from typing import Literal

import dns.message
import dns.rcode
import dns.rrset

from labctl.model.packet import ACK, FIN, PSH, RST, SYN, Direction, RawPacket

CLIENT, DNS, CLOSED, MAIL = "198.18.0.128", "198.18.0.2", "198.18.0.11", "198.18.0.13"
START_NS = 1_700_000_000_000_000_000
_ETHERNET4, _ETHERNET6 = bytes(12) + b"\x08\x00", bytes(12) + b"\x86\xdd"
Side = Literal["client", "server"]


def _packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


def ip4(
    source: str, destination: str, protocol: int, payload: bytes, *, fragment: int = 0
) -> bytes:
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, fragment, 64, protocol, 0)
    return header + _packed(source) + _packed(destination) + payload


def ip6(source: str, destination: str, protocol: int, payload: bytes) -> bytes:
    header = struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64)
    return header + _packed(source) + _packed(destination) + payload


def tcp(
    source_port: int, destination_port: int, seq: int, ack: int, flags: int, payload: bytes = b""
) -> bytes:
    fixed = struct.pack(
        "!HHIIBBHHH", source_port, destination_port, seq, ack, 5 << 4, flags, 64000, 0, 0
    )
    return fixed + payload


def udp(source_port: int, destination_port: int, payload: bytes) -> bytes:
    return struct.pack("!HHHH", source_port, destination_port, 8 + len(payload), 0) + payload


def icmp(kind: int, code: int, rest: bytes) -> bytes:
    return struct.pack("!BBHI", kind, code, 0, 0) + rest


def frame(packet: bytes) -> bytes:
    return (_ETHERNET6 if packet[0] >> 4 == 6 else _ETHERNET4) + packet


def arp(sender: str, target: str, *, operation: int = 1, to_all: bool = True) -> bytes:
    destination = b"\xff" * 6 if to_all else b"\x02" * 6
    head = destination + bytes(6) + b"\x08\x06" + struct.pack("!HHBBH", 1, 0x800, 6, 4, operation)
    return head + bytes(6) + _packed(sender) + bytes(6) + _packed(target)


@dataclass
class Capture:
    """Packets in order, a millisecond apart; those that `client` sends go out."""

    client: str = CLIENT
    interface: str = "eth0"
    raws: list[RawPacket] = field(default_factory=list)

    def frame(self, data: bytes, direction: Direction, *, snaplen: int = 65536) -> None:
        direction = "in" if self.interface == "lo" else direction
        raw = RawPacket(
            at_ns=START_NS + len(self.raws) * 1_000_000,
            interface=self.interface,
            direction=direction,
            data=data[:snaplen],
            length=len(data),
        )
        self.raws.append(raw)

    def ip(self, source: str, destination: str, protocol: int, payload: bytes) -> None:
        make = ip6 if ":" in source else ip4
        direction: Direction = "out" if source == self.client else "in"
        self.frame(frame(make(source, destination, protocol, payload)), direction)

    def udp(self, source: tuple[str, int], destination: tuple[str, int], payload: bytes) -> None:
        self.ip(source[0], destination[0], 17, udp(source[1], destination[1], payload))

    def ask(self, name: str, kind: str = "A", *, id: int = 1, port: int = 50000) -> None:  # noqa: A002
        query = dns.message.make_query(name, kind, id=id)
        self.udp((self.client, port), (DNS, 53), query.to_wire())

    def tell(
        self,
        name: str,
        address: str = "",
        *,
        kind: str = "A",
        code: str = "NOERROR",
        id: int = 1,  # noqa: A002
        port: int = 50000,
    ) -> None:
        response = dns.message.make_response(dns.message.make_query(name, kind, id=id))
        response.set_rcode(dns.rcode.from_text(code))
        if address:
            response.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", kind, address))
        self.udp((DNS, 53), (self.client, port), response.to_wire())

    def unreachable(self, code: int, sender: str, about: bytes) -> None:
        """An ICMP error about an IP packet, which it quotes as routers do: 28 bytes of it."""
        self.ip(sender, self.client, 1, icmp(3, code, about[:28]))

    def connection(self, host: str, port: int, *, source_port: int = 40000) -> Connection:
        return Connection(self, (self.client, source_port), (host, port))


@dataclass
class Connection:
    """A TCP connection; each call is a packet, with the right numbers unless told otherwise."""

    capture: Capture
    client: tuple[str, int]
    server: tuple[str, int]
    isn: int = 1000
    next: dict[Side, int] = field(default_factory=dict)

    def send(self, by: Side, flags: int, payload: bytes = b"") -> None:
        ends = (self.client, self.server) if by == "client" else (self.server, self.client)
        other: Side = "server" if by == "client" else "client"
        seq, ack = self.next.get(by, 0), self.next.get(other, 0)
        segment = tcp(ends[0][1], ends[1][1], seq, ack, flags, payload)
        self.capture.ip(ends[0][0], ends[1][0], 6, segment)
        self.next[by] = (seq + len(payload) + bool(flags & (SYN | FIN))) % (1 << 32)

    def syn(self) -> Connection:
        self.next = {"client": self.isn, "server": 0}
        self.send("client", SYN)
        return self

    def refuse(self) -> Connection:
        self.send("server", RST | ACK)
        return self

    def accept(self) -> Connection:
        self.next["server"] = 7_000_000
        self.send("server", SYN | ACK)
        self.send("client", ACK)
        return self

    def data(self, by: Side, payload: bytes) -> Connection:
        self.send(by, PSH | ACK, payload)
        return self

    def fin(self, by: Side) -> Connection:
        self.send(by, FIN | ACK)
        return self

    def reset(self, by: Side) -> Connection:
        self.send(by, RST)
        return self
