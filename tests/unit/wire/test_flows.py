"""Recorded captures, and what is neither TCP nor DNS -> flows."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from labctl.model.flows import check_wire, wire_line
from labctl.model.packet import SYN
from labctl.model.result import Flow
from labctl.wire.decode import decode_all
from labctl.wire.flows import analyse
from tests.unit.wire.build import (
    CLIENT,
    CLOSED,
    DNS,
    MAIL,
    Capture,
    arp,
    icmp,
    ip6,
    tcp,
)
from tests.unit.wire.captures import recorded
from tests.unit.wire.seen import analysed, lines, looked_up, only


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "refused",
            [*looked_up("closed.lab"), "tcp closed.lab:2525 refused"],
        ),
        (
            "filtered",
            [*looked_up("filtered.lab"), "tcp filtered.lab:25 unanswered"],
        ),
        (
            "icmp-prohibited",
            [*looked_up("rejecting.lab"), "tcp rejecting.lab:1 unreachable"],
        ),
        (
            "icmp-port",
            [*looked_up("rejecting.lab"), "tcp rejecting.lab:2 unreachable"],
        ),
        (
            "gone",
            [*looked_up("gone.lab"), "arp gone.lab unanswered", "tcp gone.lab:25 unreachable"],
        ),
        ("nxdomain", ["dns nosuch.lab A nxdomain", "dns nosuch.lab AAAA nxdomain"]),
        ("servfail", ["dns servfail.lab A servfail", "dns servfail.lab AAAA servfail"]),
        ("nodata", ["dns empty.lab A nodata", "dns empty.lab AAAA nodata"]),
        ("dns-mute", ["dns mute.lab A unanswered"]),
        ("dns-over-tcp", ["dns big.lab A answered", "tcp 198.18.250.2:53 closed"]),
        ("greeting", [*looked_up("mail.lab"), "tcp mail.lab:25 closed"]),
        ("reset", [*looked_up("mail.lab"), "tcp mail.lab:26 reset"]),
        ("early-fin", [*looked_up("mail.lab"), "tcp mail.lab:27 closed"]),
        ("bulk", [*looked_up("mail.lab"), "tcp mail.lab:28 closed"]),
        ("udp-echo", ["dns mail.lab A answered", "udp mail.lab:7 answered"]),
        ("udp-fragments", ["dns mail.lab A answered", "udp mail.lab:7 answered"]),
        ("udp-unreachable", ["dns closed.lab A answered", "udp closed.lab:9 unreachable"]),
        ("udp6-unreachable", ["udp [::1]:9 unreachable"]),
        ("loopback-port-66000", ["tcp 127.0.0.1:464 refused"]),
        ("self-connect", ["tcp 127.0.0.1:5555 closed"]),
    ],
)
def test_recorded_captures(name: str, expected: list[str]) -> None:
    wire = analyse(decode_all(recorded(name)))
    assert [wire_line(flow) for flow in wire.flows] == expected
    assert [check_wire(line) for line in expected] == expected
    assert not [packet for packet in wire.packets if packet.malformed]


def recorded_flow(name: str) -> Flow:
    return analyse(decode_all(recorded(name))).flows[-1]


def test_details_of_recorded_captures() -> None:
    refused, filtered = recorded_flow("refused"), recorded_flow("filtered")
    prohibited, reset = recorded_flow("icmp-prohibited"), recorded_flow("reset")
    early, bulk = recorded_flow("early-fin"), recorded_flow("bulk")
    assert refused.detail
    assert (refused.detail.source, refused.detail.requests) == ("198.18.250.128", 1)
    assert filtered.detail
    assert filtered.detail.requests == 3
    assert prohibited.detail
    assert prohibited.detail.icmp
    assert (prohibited.detail.icmp.type, prohibited.detail.icmp.code) == (3, 10)
    assert prohibited.detail.icmp.meaning == "host prohibited"
    assert prohibited.detail.icmp.sender == "198.18.250.14"
    assert reset.detail
    assert reset.detail.reset_by == "server"
    assert early.detail
    assert (early.detail.closed_first, early.detail.reset_by) == ("server", None)
    assert bulk.detail
    assert bulk.detail.bytes_received == 20_000


def test_a_lookup_has_its_name_type_code_and_answers() -> None:
    flow = analyse(decode_all(recorded("servfail"))).flows[0]
    assert flow.detail
    assert flow.detail.dns
    assert flow.detail.dns.model_dump() == {
        "name": "servfail.lab",
        "type": "A",
        "code": "SERVFAIL",
        "answers": (),
        "queries": 2,
        "truncated": False,
    }
    big = analyse(decode_all(recorded("dns-over-tcp"))).flows[0]
    assert big.detail
    assert big.detail.dns
    assert big.detail.dns.truncated
    assert big.detail.dns.answers == ("198.18.250.13",)


def test_a_flow_that_another_host_began_says_so() -> None:
    capture = Capture()
    capture.ip(MAIL, CLIENT, 6, tcp(20, 6000, 1, 0, SYN))
    capture.udp((MAIL, 5), (CLIENT, 6), b"x")
    flows = analysed(capture).flows
    assert [flow.detail and flow.detail.incoming for flow in flows] == [True, True]


def test_arp_without_an_answer() -> None:
    capture = Capture()
    for _ in range(3):
        capture.frame(arp(CLIENT, CLOSED), "out")
    flow = only(capture)
    assert wire_line(flow) == f"arp {CLOSED} unanswered"
    assert flow.detail
    assert flow.detail.requests == 3


def test_arp_that_is_no_flow() -> None:
    capture = Capture()
    capture.frame(arp(CLIENT, MAIL), "out")
    capture.frame(arp(MAIL, CLIENT, operation=2, to_all=False), "in")
    capture.frame(arp(CLIENT, DNS, to_all=False), "out")
    capture.frame(arp(CLIENT, CLIENT), "out")
    capture.frame(arp(str(IPv4Address(0)), CLIENT), "out")
    capture.frame(arp(CLOSED, CLIENT), "in")
    assert lines(capture) == []


def test_what_kernels_send_by_themselves_is_no_flow() -> None:
    capture = Capture()
    capture.ip(CLIENT, "224.0.0.22", 2, bytes(8))
    for kind in (133, 143):
        capture.frame(
            bytes(12) + b"\x86\xdd" + ip6("fe80::1", "ff02::2", 58, icmp(kind, 0, b"")), "out"
        )
    solicitation = icmp(135, 0, bytes(15) + b"\x01")
    capture.frame(bytes(12) + b"\x86\xdd" + ip6("::", "ff02::1", 58, solicitation), "out")
    assert lines(capture) == []


def test_other_protocols_and_malformed_packets_do_not_go_unseen() -> None:
    capture = Capture()
    capture.ip(CLIENT, MAIL, 132, bytes(12))
    capture.ip(CLIENT, MAIL, 6, b"short")
    capture.ip(CLIENT, MAIL, 1, icmp(8, 0, b""))
    capture.ip(CLIENT, CLOSED, 1, icmp(8, 0, b""))
    capture.ip(MAIL, CLIENT, 1, icmp(0, 0, b""))
    assert lines(capture) == [
        f"ip-132 {MAIL} sent",
        f"tcp {MAIL}:0 malformed",
        f"icmp {MAIL} answered",
        f"icmp {CLOSED} unanswered",
    ]


def test_loopback_shows_each_packet_twice_and_one_counts() -> None:
    raws = recorded("loopback-port-66000")
    assert len(raws) == 4
    assert len(decode_all(raws)) == 2
