"""Captured bytes -> decoded packets: link and network layer (RFC 791, 8200). Never raises.

A packet that makes no sense is decoded as far as it does, and says why it is malformed.

Why not a library: dpkt raises IndexError out of truncated packets and scapy takes 0.3 s to import.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from labctl.model.packet import Body, Packet, RawPacket
from labctl.wire.octets import Malformed, format_address, unpack
from labctl.wire.transport import (
    Segment,
    decode_arp,
    decode_icmp,
    decode_icmp6,
    decode_tcp,
    decode_udp,
)

_ETHERNET_HEADER = 14
_ETHERTYPE = struct.Struct("!12xH")
_VLAN = struct.Struct("!2xH")
_VLAN_TAGS = (0x8100, 0x88A8)
_MOST_VLAN_TAGS = 2
_IP4_TYPE, _ARP_TYPE, _IP6_TYPE = 0x0800, 0x0806, 0x86DD
_IP4 = struct.Struct("!BxHxxHxBxx")
_IP6 = struct.Struct("!IHBx")
_IP6_HEADER = 40
_MORE_FRAGMENTS, _FRAGMENT_OFFSET = 0x2000, 0x1FFF
_FRAGMENT_HEADER, _AUTHENTICATION_HEADER = 44, 51
_EXTENSIONS = (0, 43, _FRAGMENT_HEADER, _AUTHENTICATION_HEADER, 60, 135)
_EXTENSION = struct.Struct("!BBH")
_NAMES = {1: "icmp", 2: "igmp", 6: "tcp", 17: "udp", 58: "icmpv6"}
_DECODERS: dict[str, Callable[[Segment], Body]] = {
    "tcp": decode_tcp,
    "udp": decode_udp,
    "icmp": decode_icmp,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Datagram:
    """The fields of an IP header that matter here, and the payload behind it.

    `is_fragment` is true for all fragments but the first, whose payload has no transport header.
    """

    source: str
    destination: str
    protocol: int
    is_fragment: bool
    segment: Segment


def decode_all(raws: Iterable[RawPacket]) -> tuple[Packet, ...]:
    """Return the packets of a capture, decoded and numbered from 1, without loopback's copies."""
    originals = (raw for raw in raws if not raw.duplicate)
    return tuple(decode(raw, number) for number, raw in enumerate(originals, 1))


def decode(raw: RawPacket, number: int) -> Packet:
    """Return one packet, decoded; `number` is its place in the capture, from 1.

    If a layer makes no sense, `malformed` says why, and `body` is None.
    """
    try:
        if raw.link == "ip":
            return _network(raw, number, _ip_type(raw.data), 0)
        (kind,) = unpack(_ETHERTYPE, raw.data, "the Ethernet header")
        offset, tags = _ETHERNET_HEADER, 0
        while kind in _VLAN_TAGS and tags < _MOST_VLAN_TAGS:
            (kind,) = unpack(_VLAN, raw.data, "the VLAN tag", offset)
            offset, tags = offset + _VLAN.size, tags + 1
        return _network(raw, number, kind, offset)
    except Malformed as reason:
        return _packet(raw, number, raw.link, malformed=str(reason))


def _ip_type(data: bytes) -> int:
    """Return the Ethernet type of an IP packet, by its version."""
    return _IP6_TYPE if data[:1] and data[0] >> 4 == 6 else _IP4_TYPE  # noqa: PLR2004


def _packet(
    raw: RawPacket,
    number: int,
    protocol: str,
    *,
    source: str = "",
    destination: str = "",
    body: Body | None = None,
    malformed: str = "",
) -> Packet:
    """Return a decoded packet, with times and direction of the raw one."""
    return Packet(
        number=number,
        at_ns=raw.at_ns,
        interface=raw.interface,
        direction=raw.direction,
        length=raw.length,
        protocol=protocol,
        source=source,
        destination=destination,
        body=body,
        malformed=malformed,
    )


def _network(raw: RawPacket, number: int, kind: int, offset: int) -> Packet:
    """Decode a packet from its network layer on."""
    data, length = raw.data[offset:], raw.length - offset
    if kind == _ARP_TYPE:
        arp = decode_arp(data, to_all=raw.data[:1] == b"\xff")
        return _packet(raw, number, "arp", source=arp.sender, destination=arp.target, body=arp)
    if kind not in (_IP4_TYPE, _IP6_TYPE):
        return _packet(raw, number, f"ethernet-{kind:04x}")
    datagram = _ip4(data, length) if kind == _IP4_TYPE else _ip6(data, length)
    return _transport(raw, number, datagram)


def _transport(raw: RawPacket, number: int, datagram: _Datagram) -> Packet:
    """Decode a packet from its transport layer on."""
    protocol = _NAMES.get(datagram.protocol, f"ip-{datagram.protocol}")
    body: Body | None = None
    malformed = ""
    if datagram.is_fragment:
        protocol = "fragment"
    else:
        try:
            protocol, body = _body(protocol, datagram)
        except Malformed as reason:
            malformed = str(reason)
    return _packet(
        raw,
        number,
        protocol,
        source=datagram.source,
        destination=datagram.destination,
        body=body,
        malformed=malformed,
    )


def _body(protocol: str, datagram: _Datagram) -> tuple[str, Body | None]:
    """Decode the body of a datagram; None if its protocol is not known."""
    if protocol == "icmpv6":
        return decode_icmp6(datagram.segment, datagram.source)
    decoder = _DECODERS.get(protocol)
    return protocol, decoder(datagram.segment) if decoder else None


def _ip4(data: bytes, length: int) -> _Datagram:
    """Decode an IPv4 header. Raise Malformed if it is wrong."""
    first, total, fragmentation, protocol = unpack(_IP4, data, "the IPv4 header")
    header = (first & 15) * 4
    if first >> 4 != 4 or header < 20:  # noqa: PLR2004 version and least length of IPv4
        raise Malformed("not an IPv4 header")
    if len(data) < header:
        raise Malformed("the IPv4 header cut short")
    # With segmentation offload the kernel leaves the total length 0: the interface fills it in.
    total = total or length
    if not header <= total <= length:
        raise Malformed(f"the IPv4 header says {total} bytes, but it is {length}")
    return _Datagram(
        source=format_address(data[12:16]),
        destination=format_address(data[16:20]),
        protocol=protocol,
        is_fragment=bool(fragmentation & _FRAGMENT_OFFSET),
        segment=Segment(
            data[header:total], total - header, is_partial=bool(fragmentation & _MORE_FRAGMENTS)
        ),
    )


def _ip6(data: bytes, length: int) -> _Datagram:
    """Decode an IPv6 header. Raise Malformed if it is wrong."""
    first, payload, protocol = unpack(_IP6, data, "the IPv6 header")
    if first >> 28 != 6:  # noqa: PLR2004 the version
        raise Malformed("not an IPv6 header")
    if len(data) < _IP6_HEADER:
        raise Malformed("the IPv6 header cut short")
    payload = payload or length - _IP6_HEADER
    if payload > length - _IP6_HEADER:
        raise Malformed(f"the IPv6 header says {payload} bytes, but {length - 40} are there")
    end = _IP6_HEADER + payload
    protocol, offset, fragmentation = _skip_extensions(data[:end], protocol)
    return _Datagram(
        source=format_address(data[8:24]),
        destination=format_address(data[24:40]),
        protocol=protocol,
        is_fragment=fragmentation > 1,
        segment=Segment(data[offset:end], end - offset, is_partial=fragmentation == 1),
    )


def _skip_extensions(data: bytes, protocol: int) -> tuple[int, int, int]:
    """Return the protocol behind the IPv6 extension headers, its offset, and the fragment field.

    The fragment field comes without its reserved bits (RFC 8200, 4.5): 0 means no fragment or the
    only one, 1 the first of several.
    """
    offset, fragmentation = _IP6_HEADER, 0
    while protocol in _EXTENSIONS:
        what, size, field = unpack(_EXTENSION, data, "an IPv6 extension header", offset)
        length = (size + 1) * 8
        if protocol == _FRAGMENT_HEADER:
            length, fragmentation = 8, field & 0xFFF9
        elif protocol == _AUTHENTICATION_HEADER:
            length = (size + 2) * 4
        protocol, offset = what, offset + length
        if fragmentation > 1:
            break
    if offset > len(data):
        raise Malformed("an IPv6 extension header cut short")
    return protocol, offset, fragmentation
