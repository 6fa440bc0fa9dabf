"""TCP packets -> connections and their outcomes."""

from __future__ import annotations

import pytest

from labctl.model.packet import ACK, RST, SYN
from tests.unit.wire.build import (
    CLIENT,
    CLOSED,
    DNS,
    MAIL,
    Capture,
    ip4,
    tcp,
)
from tests.unit.wire.seen import analysed, lines, only


def test_the_first_packet_makes_the_order() -> None:
    capture = Capture()
    one = capture.connection(MAIL, 25, source_port=1).syn()
    capture.connection(CLOSED, 26, source_port=2).syn().refuse()
    one.accept()
    assert lines(capture) == [f"tcp {MAIL}:25 open", f"tcp {CLOSED}:26 refused"]


def test_retransmitted_syns_are_one_flow() -> None:
    capture = Capture()
    connection = capture.connection(CLOSED, 25)
    for _ in range(4):
        connection.syn()
    flow = only(capture)
    assert flow.outcome == "unanswered"
    assert flow.detail
    assert flow.detail.requests == 4


@pytest.mark.parametrize("isn", [1000, 99_000])
def test_a_port_used_again_is_another_flow(isn: int) -> None:
    capture = Capture()
    capture.connection(CLOSED, 25).syn().refuse()
    connection = capture.connection(CLOSED, 25)
    connection.isn = isn
    connection.syn().accept()
    assert lines(capture) == [f"tcp {CLOSED}:25 refused", f"tcp {CLOSED}:25 open"]


def test_an_abandoned_attempt_from_the_same_port_is_a_flow_of_its_own() -> None:
    capture = Capture()
    capture.connection(CLOSED, 25).syn()
    connection = capture.connection(CLOSED, 25)
    connection.isn = 99_000
    connection.syn().refuse()
    assert lines(capture) == [f"tcp {CLOSED}:25 unanswered", f"tcp {CLOSED}:25 refused"]


@pytest.mark.parametrize("flags", [RST, RST | ACK])
def test_a_reset_that_does_not_acknowledge_the_syn_is_ignored(flags: int) -> None:
    capture = Capture()
    capture.connection(CLOSED, 25).syn()
    capture.ip(CLOSED, CLIENT, 6, tcp(25, 40000, 0, 999, flags))
    assert only(capture).outcome == "unanswered"


def test_an_acceptance_that_does_not_acknowledge_the_syn_is_ignored() -> None:
    capture = Capture()
    capture.connection(CLOSED, 25).syn()
    capture.ip(CLOSED, CLIENT, 6, tcp(25, 40000, 5, 999, SYN | ACK))
    assert only(capture).outcome == "unanswered"


def test_who_resets_and_who_closes_first() -> None:
    capture = Capture()
    capture.connection(MAIL, 1, source_port=1).syn().accept().reset("client")
    capture.connection(MAIL, 2, source_port=2).syn().accept().fin("server").reset("server")
    capture.connection(MAIL, 3, source_port=3).syn().accept().fin("client").fin("server")
    capture.connection(MAIL, 4, source_port=4).syn().accept().fin("client").reset("server")
    details = [flow.detail for flow in analysed(capture).flows if flow.detail]
    assert [(d.reset_by, d.closed_first) for d in details] == [
        ("client", None),
        ("server", "server"),
        (None, "client"),
        ("server", "client"),
    ]


def test_a_reset_after_the_end_changes_nothing() -> None:
    capture = Capture()
    capture.connection(MAIL, 1, source_port=1).syn().accept().fin("client").reset("client")
    both = capture.connection(MAIL, 2, source_port=2).syn().accept()
    both.fin("server").fin("client").reset("server")
    assert [flow.outcome for flow in analysed(capture).flows] == ["closed", "closed"]


def test_a_connection_that_began_before_the_capture_is_left_out() -> None:
    capture = Capture()
    connection = capture.connection(MAIL, 25)
    connection.next = {"client": 5, "server": 6}
    connection.fin("server").reset("client")
    capture.udp((DNS, 53), (CLIENT, 50000), b"late")
    assert lines(capture) == []


def test_bytes_count_once_however_often_they_are_sent() -> None:
    capture = Capture()
    connection = capture.connection(MAIL, 25)
    connection.isn = (1 << 32) - 3
    connection.syn().accept().data("client", b"hello")
    connection.next["client"] = 2**32 - 2
    connection.data("client", b"hello").data("server", b"abc")
    flow = only(capture)
    assert flow.detail
    assert (flow.detail.bytes_sent, flow.detail.bytes_received) == (5, 3)


def test_an_icmp_error_belongs_to_the_flow_it_quotes() -> None:
    capture = Capture()
    capture.connection(CLOSED, 25, source_port=1).syn()
    capture.connection(CLOSED, 25, source_port=2).syn()
    quoted = ip4(CLIENT, CLOSED, 6, tcp(2, 25, 1000, 0, SYN))
    capture.unreachable(13, "198.18.0.1", quoted)
    flows = analysed(capture).flows
    assert [flow.outcome for flow in flows] == ["unanswered", "unreachable"]
    assert flows[1].detail
    assert flows[1].detail.icmp
    assert flows[1].detail.icmp.model_dump() == {
        "version": 4,
        "type": 3,
        "code": 13,
        "meaning": "administratively prohibited",
        "sender": "198.18.0.1",
    }


def test_path_mtu_discovery_is_no_error() -> None:
    capture = Capture()
    capture.connection(CLOSED, 25).syn()
    capture.unreachable(4, "198.18.0.1", ip4(CLIENT, CLOSED, 6, tcp(40000, 25, 1000, 0, SYN)))
    assert only(capture).outcome == "unanswered"


def test_an_icmp_error_about_a_flow_of_earlier_is_none_of_this_one() -> None:
    capture = Capture()
    capture.unreachable(1, "198.18.0.1", ip4(CLIENT, CLOSED, 6, tcp(40000, 25, 1000, 0, SYN)))
    assert lines(capture) == []


def test_an_answer_after_an_icmp_error_counts() -> None:
    capture = Capture()
    connection = capture.connection(MAIL, 25).syn()
    capture.unreachable(1, "198.18.0.1", ip4(CLIENT, MAIL, 6, tcp(40000, 25, 1000, 0, SYN)))
    connection.accept()
    assert only(capture).outcome == "open"


@pytest.mark.parametrize("garbage", [b"", b"x"])
def test_keepalives_belong_to_their_connection(garbage: bytes) -> None:
    """Some stacks send a byte with them that isn't part of the data."""
    capture = Capture()
    connection = capture.connection(MAIL, 25).syn().accept()
    connection.next["client"] -= 1
    connection.send("client", ACK, garbage)
    connection.next["client"] = connection.isn + 1
    connection.data("client", b"hi")
    flow = only(capture)
    assert flow.outcome == "open"
    assert flow.detail
    assert flow.detail.bytes_sent == 2
