"""Payloads of IP packets -> TCP, UDP and ICMP; ARP too. Raises only Malformed."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from labctl.model.packet import Body, Icmp, Neighbour, Quoted, Tcp, Udp
from labctl.wire.octets import Malformed, format_address, unpack

_TCP = struct.Struct("!HHIIBBxxxxxx")
_UDP = struct.Struct("!HHHxx")
_ICMP = struct.Struct("!BBxxHxx")
_ICMP_HEADER = 8
_ARP = struct.Struct("!HHBBH")
_ARP_ETHERNET_IP4 = (1, 0x0800, 6, 4)
_PORTS = struct.Struct("!HH")
_IP4_ERRORS = (3, 4, 5, 11, 12)
_ECHO4, _ECHO6 = (0, 8), (128, 129)
_LAST_IP6_ERROR = 127
_SOLICITATION, _ADVERTISEMENT = 135, 136
_NAMES = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6"}
_EXTENSION = struct.Struct("!BB")
_SKIPPED_EXTENSIONS = (0, 43, 60)
_IP6_HEADER = 40


@dataclass(frozen=True, slots=True)
class Segment:
    """The payload of an IP packet: the bytes that were captured, and its length on the wire.

    `is_partial` is true for the first of several fragments, which lacks the rest of the payload.
    """

    data: bytes
    length: int
    is_partial: bool = False


def decode_tcp(segment: Segment) -> Tcp:
    """Return a TCP segment without its options (RFC 9293, 3.1)."""
    source, destination, seq, ack, offset, flags = unpack(_TCP, segment.data, "the TCP header")
    header = (offset >> 4) * 4
    if header < _TCP.size:
        raise Malformed(f"the TCP header says that it is {header} bytes long")
    if header > segment.length:
        raise Malformed("the TCP header cut short")
    return Tcp(
        source_port=source,
        destination_port=destination,
        seq=seq,
        ack=ack,
        flags=flags,
        payload=segment.data[header:],
        length=segment.length - header,
    )


def decode_udp(segment: Segment) -> Udp:
    """Return a UDP datagram, or the first fragment of one (RFC 768)."""
    source, destination, length = unpack(_UDP, segment.data, "the UDP header")
    length = length or segment.length
    if length < _UDP.size or (length > segment.length and not segment.is_partial):
        raise Malformed(f"the UDP header says {length} bytes, but it is {segment.length}")
    return Udp(
        source_port=source,
        destination_port=destination,
        payload=segment.data[_UDP.size : length],
        length=length - _UDP.size,
    )


def decode_icmp(segment: Segment) -> Icmp:
    """Return an ICMP message over IPv4, with the packet that an error quotes (RFC 792)."""
    kind, code, identifier = unpack(_ICMP, segment.data, "the ICMP header")
    quoted = _quoted4(segment.data[_ICMP_HEADER:]) if kind in _IP4_ERRORS else None
    echo = identifier if kind in _ECHO4 else None
    return Icmp(version=4, type=kind, code=code, quoted=quoted, echo=echo)


def decode_icmp6(segment: Segment, source: str) -> tuple[str, Body]:
    """Return the protocol's name and the message of an ICMPv6 packet (RFC 4443).

    The name is `ndp` for neighbour discovery (RFC 4861), else `icmpv6`. `source` is the sender.
    """
    kind, code, identifier = unpack(_ICMP, segment.data, "the ICMPv6 header")
    if kind in (_SOLICITATION, _ADVERTISEMENT):
        target = format_address(segment.data[8:24])
        asks = kind == _SOLICITATION
        sender = source if asks else target
        return "ndp", Neighbour(question=asks, sender=sender, target=target, to_all=asks)
    quoted = _quoted6(segment.data[_ICMP_HEADER:]) if kind <= _LAST_IP6_ERROR else None
    echo = identifier if kind in _ECHO6 else None
    return "icmpv6", Icmp(version=6, type=kind, code=code, quoted=quoted, echo=echo)


def decode_arp(data: bytes, *, to_all: bool) -> Neighbour:
    """Return an ARP request or answer for IPv4 on Ethernet (RFC 826).

    `to_all` says that the frame was a broadcast.
    """
    *kinds, operation = unpack(_ARP, data, "the ARP packet")
    if tuple(kinds) != _ARP_ETHERNET_IP4:
        raise Malformed("ARP for something else than IPv4 on Ethernet")
    return Neighbour(
        question=operation == 1,
        sender=format_address(data[14:18]),
        target=format_address(data[24:28]),
        to_all=to_all,
    )


def _quoted4(data: bytes) -> Quoted | None:
    """Return the IPv4 packet that an error quotes, or None if it is no IPv4 header.

    The quoted packet may end anywhere: routers send as little as 28 bytes of it.
    """
    header = (data[0] & 15) * 4 if data else 0
    if header < 20 or len(data) < 20 or data[0] >> 4 != 4:  # noqa: PLR2004 an IPv4 header
        return None
    return _quoted(data[9], format_address(data[12:16]), format_address(data[16:20]), data[header:])


def _quoted6(data: bytes) -> Quoted | None:
    """Return the IPv6 packet that an error quotes, or None if it is no IPv6 header."""
    if len(data) < _IP6_HEADER or data[0] >> 4 != 6:  # noqa: PLR2004 an IPv6 header
        return None
    protocol, rest = data[6], data[_IP6_HEADER:]
    while protocol in _SKIPPED_EXTENSIONS and len(rest) >= _EXTENSION.size:
        protocol, size = _EXTENSION.unpack_from(rest)
        rest = rest[(size + 1) * 8 :]
    return _quoted(protocol, format_address(data[8:24]), format_address(data[24:40]), rest)


def _quoted(number: int, source: str, destination: str, rest: bytes) -> Quoted:
    """Return what an ICMP error quotes of the packet that caused it."""
    protocol = _NAMES.get(number, f"ip-{number}")
    ports = (0, 0)
    if protocol in ("tcp", "udp") and len(rest) >= _PORTS.size:
        ports = _PORTS.unpack_from(rest)
    return Quoted(
        protocol=protocol,
        source=source,
        destination=destination,
        source_port=ports[0],
        destination_port=ports[1],
    )
