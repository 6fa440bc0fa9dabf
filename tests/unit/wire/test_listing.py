"""Packets as a result document lists them."""

from __future__ import annotations

from labctl.wire.decode import decode_all
from labctl.wire.flows import analyse
from labctl.wire.listing import PACKETS_LIMIT, list_packets
from tests.unit.wire.build import CLIENT, CLOSED, START_NS, Capture, arp
from tests.unit.wire.captures import recorded


def test_a_recorded_capture() -> None:
    wire = analyse(decode_all(recorded("gone")))
    listed = list_packets(wire, start_ns=wire.packets[0].at_ns)
    assert listed[0].at_s == 0
    assert [(one.protocol, one.flow) for one in listed if one.flow is not None] == [
        ("udp", 0),
        ("udp", 1),
        ("udp", 0),
        ("udp", 1),
        ("arp", 2),
        ("arp", 2),
        ("arp", 2),
        ("icmp", 3),
    ]
    assert listed[-1].info == "host unreachable"
    assert "who has 198.18.250.77?" in [one.info for one in listed]


def test_what_is_said_of_each_kind() -> None:
    capture = Capture()
    capture.connection(CLOSED, 25).syn().refuse()
    capture.frame(arp(CLOSED, CLIENT, operation=2, to_all=False), "in")
    capture.frame(b"?", "in")
    capture.ip(CLIENT, CLOSED, 132, b"")
    wire = analyse(decode_all(capture.raws))
    assert [one.info for one in list_packets(wire, start_ns=START_NS)] == [
        "40000 > 25 SYN, 0 B",
        "25 > 40000 RST+ACK, 0 B",
        "198.18.0.11 is here",
        "the Ethernet header cut short",
        "",
    ]


def test_the_list_is_bounded() -> None:
    capture = Capture()
    for _ in range(PACKETS_LIMIT + 5):
        capture.ask("a.lab")
    wire = analyse(decode_all(capture.raws))
    assert len(list_packets(wire, start_ns=START_NS)) == PACKETS_LIMIT
