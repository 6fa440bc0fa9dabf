"""Bytes -> packets."""

from __future__ import annotations

import struct

import pytest

from labctl.model.packet import ACK, SYN, Icmp, Neighbour, Packet, Quoted, RawPacket, Tcp, Udp
from labctl.wire.decode import decode, decode_all
from tests.unit.wire.build import CLIENT, MAIL, arp, frame, icmp, ip4, ip6, tcp, udp
from tests.unit.wire.captures import recorded


def decoded(data: bytes, *, length: int | None = None, snaplen: int = 9999) -> Packet:
    raw = RawPacket(
        at_ns=7,
        interface="eth0",
        direction="out",
        data=data[:snaplen],
        length=len(data) if length is None else length,
    )
    return decode(raw, 1)


SYN_SEGMENT = tcp(1, 2, 3, 4, SYN | ACK, b"payload")


def test_tcp() -> None:
    packet = decoded(frame(ip4(CLIENT, MAIL, 6, SYN_SEGMENT)))
    assert (packet.protocol, packet.source, packet.destination) == ("tcp", CLIENT, MAIL)
    assert packet.body == Tcp(
        source_port=1,
        destination_port=2,
        seq=3,
        ack=4,
        flags=SYN | ACK,
        payload=b"payload",
        length=7,
    )


def test_ip_without_a_link_layer() -> None:
    raw = RawPacket(
        at_ns=0,
        interface="eth0",
        direction="in",
        data=ip6("::1", "::2", 6, SYN_SEGMENT),
        length=67,
        link="ip",
    )
    assert isinstance(decode(raw, 1).body, Tcp)


def test_options_are_skipped() -> None:
    segment = bytearray(tcp(1, 2, 3, 4, SYN, b"\1\1\1\1payload"))
    segment[12] = 6 << 4
    packet = bytearray(ip4(CLIENT, MAIL, 6, b"\1\1\1\1" + bytes(segment)))
    packet[0] = 0x46
    body = decoded(frame(bytes(packet))).body
    assert isinstance(body, Tcp)
    assert body.payload == b"payload"


def test_ethernet_padding_is_no_payload() -> None:
    packet = decoded(frame(ip4(CLIENT, MAIL, 6, tcp(1, 2, 3, 4, ACK))) + bytes(6))
    assert isinstance(packet.body, Tcp)
    assert (packet.body.length, packet.body.payload) == (0, b"")


def test_a_capture_that_cuts_payload_keeps_its_length() -> None:
    packet = decoded(frame(ip4(CLIENT, MAIL, 6, SYN_SEGMENT)), snaplen=14 + 40 + 3)
    assert isinstance(packet.body, Tcp)
    assert (packet.body.length, packet.body.payload) == (7, b"pay")


def test_a_vlan_tag_is_skipped() -> None:
    inner = frame(ip4(CLIENT, MAIL, 6, SYN_SEGMENT))
    tagged = inner[:12] + b"\x81\x00\x00\x05" + inner[12:]
    assert isinstance(decoded(tagged).body, Tcp)


def test_ipv6_extension_headers_are_skipped() -> None:
    hop_by_hop = bytes([60, 0]) + bytes(6)
    options = bytes([6, 1]) + bytes(14)
    packet = decoded(frame(ip6("fe80::1", "fe80::2", 0, hop_by_hop + options + SYN_SEGMENT)))
    assert isinstance(packet.body, Tcp)
    assert packet.body.payload == b"payload"


def test_fragments() -> None:
    whole = udp(1, 2, bytes(3000))
    first = decoded(frame(ip4(CLIENT, MAIL, 17, whole[:1480], fragment=0x2000)))
    later = decoded(frame(ip4(CLIENT, MAIL, 17, whole[1480:], fragment=185)))
    assert isinstance(first.body, Udp)
    assert (first.body.length, len(first.body.payload)) == (3000, 1472)
    assert (later.protocol, later.body, later.malformed) == ("fragment", None, "")


def test_ipv6_fragments() -> None:
    whole = udp(1, 2, bytes(3000))
    head = struct.pack("!BBHI", 17, 0, 1, 9)
    first = decoded(frame(ip6("::1", "::2", 44, head + whole[:1448])))
    later = decoded(frame(ip6("::1", "::2", 44, struct.pack("!BBHI", 17, 0, 1448, 9) + bytes(9))))
    assert isinstance(first.body, Udp)
    assert first.body.length == 3000
    assert (later.protocol, later.malformed) == ("fragment", "")


def test_icmp_quotes_the_packet_it_is_about() -> None:
    about = ip4(CLIENT, MAIL, 6, tcp(40000, 25, 1, 0, SYN))[:28]
    body = decoded(frame(ip4("198.18.0.1", CLIENT, 1, icmp(3, 13, about)))).body
    quoted = Quoted(
        protocol="tcp", source=CLIENT, destination=MAIL, source_port=40000, destination_port=25
    )
    assert body == Icmp(version=4, type=3, code=13, quoted=quoted)


def test_icmpv6_quotes_the_packet_it_is_about() -> None:
    about = ip6("::1", "::2", 17, udp(7, 9, b"x"))
    body = decoded(frame(ip6("::2", "::1", 58, icmp(1, 4, about)))).body
    quoted = Quoted(
        protocol="udp", source="::1", destination="::2", source_port=7, destination_port=9
    )
    assert body == Icmp(version=6, type=1, code=4, quoted=quoted)


@pytest.mark.parametrize("about", [b"", b"E", bytes(60), b"\x41" + bytes(40)])
def test_an_icmp_error_that_quotes_nonsense(about: bytes) -> None:
    body = decoded(frame(ip4(MAIL, CLIENT, 1, icmp(3, 1, about)))).body
    assert body == Icmp(version=4, type=3, code=1)


def test_arp_and_neighbour_discovery() -> None:
    packet = decoded(arp(CLIENT, MAIL))
    assert packet.protocol == "arp"
    assert packet.body == Neighbour(question=True, sender=CLIENT, target=MAIL, to_all=True)
    answer = decoded(arp(MAIL, CLIENT, operation=2, to_all=False)).body
    assert answer == Neighbour(question=False, sender=MAIL, target=CLIENT, to_all=False)
    target = bytes(15) + b"\x09"
    asked = decoded(frame(ip6("fe80::1", "ff02::1", 58, icmp(135, 0, target))))
    assert asked.protocol == "ndp"
    assert asked.body == Neighbour(question=True, sender="fe80::1", target="::9", to_all=True)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the Ethernet header cut short"),
        (bytes(12) + b"\x81\x00\x00", "the VLAN tag cut short"),
        (frame(ip4(CLIENT, MAIL, 6, SYN_SEGMENT))[:20], "the IPv4 header cut short"),
        (bytes(12) + b"\x08\x00" + b"\x65" + bytes(30), "not an IPv4 header"),
        (bytes(12) + b"\x08\x00" + b"\x44" + bytes(30), "not an IPv4 header"),
        (bytes(12) + b"\x08\x00" + b"\x4f" + bytes(30), "the IPv4 header cut short"),
        (
            frame(ip4(CLIENT, MAIL, 6, SYN_SEGMENT))[:-1],
            "the IPv4 header says 47 bytes, but it is 46",
        ),
        (frame(ip6("::1", "::2", 6, b"")[:30]), "the IPv6 header cut short"),
        (bytes(12) + b"\x86\xdd" + bytes(40), "not an IPv6 header"),
        (
            frame(ip6("::1", "::2", 6, bytes(9)))[:-1],
            "the IPv6 header says 9 bytes, but 8 are there",
        ),
        (frame(ip6("::1", "::2", 0, b"\6")), "an IPv6 extension header cut short"),
        (frame(ip6("::1", "::2", 0, b"\6\x09" + bytes(6))), "an IPv6 extension header cut short"),
        (frame(ip4(CLIENT, MAIL, 6, b"short")), "the TCP header cut short"),
        (
            frame(ip4(CLIENT, MAIL, 6, bytes(20))),
            "the TCP header says that it is 0 bytes long",
        ),
        (
            frame(ip4(CLIENT, MAIL, 6, bytes(12) + b"\xf0" + bytes(7))),
            "the TCP header cut short",
        ),
        (frame(ip4(CLIENT, MAIL, 17, b"short")), "the UDP header cut short"),
        (
            frame(ip4(CLIENT, MAIL, 17, struct.pack("!HHHH", 1, 2, 7, 0))),
            "the UDP header says 7 bytes, but it is 8",
        ),
        (
            frame(ip4(CLIENT, MAIL, 17, struct.pack("!HHHH", 1, 2, 9, 0))),
            "the UDP header says 9 bytes, but it is 8",
        ),
        (frame(ip4(CLIENT, MAIL, 1, b"short")), "the ICMP header cut short"),
        (frame(ip6("::1", "::2", 58, b"short")), "the ICMPv6 header cut short"),
        (frame(ip6("::1", "::2", 58, icmp(135, 0, b"short"))), "address cut short"),
        (arp(CLIENT, MAIL)[:20], "the ARP packet cut short"),
        (arp(CLIENT, MAIL)[:40], "address cut short"),
        (
            bytes(12) + b"\x08\x06" + bytes(28),
            "ARP for something else than IPv4 on Ethernet",
        ),
    ],
)
def test_malformed(data: bytes, reason: str) -> None:
    packet = decoded(data)
    assert packet.malformed == reason
    assert packet.body is None


def test_a_malformed_segment_keeps_its_addresses() -> None:
    packet = decoded(frame(ip4(CLIENT, MAIL, 6, b"short")))
    assert (packet.protocol, packet.source, packet.destination) == ("tcp", CLIENT, MAIL)


def test_protocols_without_a_decoder() -> None:
    assert decoded(bytes(12) + b"\x88\xcc" + bytes(9)).protocol == "ethernet-88cc"
    assert decoded(frame(ip4(CLIENT, MAIL, 132, b""))).protocol == "ip-132"
    assert decoded(frame(ip4(CLIENT, "224.0.0.1", 2, b""))).protocol == "igmp"


def test_numbers_count_from_one_without_loopbacks_copies() -> None:
    packets = decode_all(recorded("loopback-port-66000"))
    assert [packet.number for packet in packets] == [1, 2]
    assert {packet.direction for packet in packets} == {"in"}
