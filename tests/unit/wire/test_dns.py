"""DNS questions and answers -> look-ups, and names for addresses."""

from __future__ import annotations

import pytest

from labctl.model.flows import wire_line
from labctl.wire.decode import decode_all
from labctl.wire.flows import analyse
from tests.unit.wire.build import (
    CLIENT,
    DNS,
    MAIL,
    Capture,
    ip4,
    udp,
)
from tests.unit.wire.seen import lines, looked_up, only


def test_both_questions_of_one_socket() -> None:
    capture = Capture()
    capture.ask("mail.lab", "A", id=1)
    capture.ask("mail.lab", "AAAA", id=2)
    capture.tell("mail.lab", kind="AAAA", id=2)
    capture.tell("mail.lab", MAIL, id=1)
    assert lines(capture) == looked_up("mail.lab")


def test_a_retry_is_the_same_flow_from_another_port_too() -> None:
    capture = Capture()
    capture.ask("slow.lab", id=1, port=50000)
    capture.ask("slow.lab", id=1, port=50000)
    capture.ask("slow.lab", id=2, port=50001)
    flow = only(capture)
    assert flow.outcome == "unanswered"
    assert flow.detail
    assert flow.detail.requests == 3


def test_asking_again_after_the_answer_is_another_flow() -> None:
    capture = Capture()
    for number in (1, 2):
        capture.ask("mail.lab", id=number)
        capture.tell("mail.lab", MAIL, id=number)
    assert lines(capture) == ["dns mail.lab A answered"] * 2


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("NXDOMAIN", "nxdomain"),
        ("SERVFAIL", "servfail"),
        ("REFUSED", "servfail"),
        ("FORMERR", "servfail"),
        ("NOERROR", "nodata"),
    ],
)
def test_response_codes(code: str, outcome: str) -> None:
    capture = Capture()
    capture.ask("a.lab")
    capture.tell("a.lab", code=code)
    flow = only(capture)
    assert flow.outcome == outcome
    assert flow.detail
    assert flow.detail.dns
    assert flow.detail.dns.code == code


@pytest.mark.parametrize("wrong", [{"id": 2}, {"port": 50001}, {"kind": "AAAA"}])
def test_an_answer_to_another_question_is_none(wrong: dict[str, int]) -> None:
    capture = Capture()
    capture.ask("a.lab")
    capture.tell("a.lab", **wrong)  # type: ignore[arg-type]
    assert lines(capture) == ["dns a.lab A unanswered"]


def test_a_record_of_another_class_is_no_answer() -> None:
    capture = Capture()
    capture.ask("a.lab")
    capture.tell("a.lab", MAIL)
    frame = capture.raws[1].data
    place = frame.rindex(b"\x00\x01\x00\x01\x00\x00\x00\x3c")
    strange = frame[: place + 2] + b"\x01\x01" + frame[place + 4 :]
    del capture.raws[1]
    capture.frame(strange, "in")
    assert lines(capture) == ["dns a.lab A nodata"]


def test_an_unreachable_name_server_leaves_the_question_unanswered() -> None:
    capture = Capture()
    capture.ask("a.lab")
    capture.unreachable(3, DNS, ip4(CLIENT, DNS, 17, udp(50000, 53, b"")))
    flow = only(capture)
    assert flow.outcome == "unanswered"
    assert flow.detail
    assert flow.detail.icmp
    assert flow.detail.icmp.meaning == "port unreachable"


def test_what_is_no_dns_on_port_53_is_plain_udp() -> None:
    capture = Capture()
    capture.udp((CLIENT, 50000), (DNS, 53), b"hello")
    assert lines(capture) == [f"udp {DNS}:53 unanswered"]


def test_a_client_cannot_answer_its_own_questions() -> None:
    capture = Capture(client="127.0.0.1", interface="lo")
    capture.ask("closed.lab")
    for raw in capture.raws:
        assert raw.interface == "lo"
    wire = analyse(decode_all(capture.raws))
    assert [wire_line(flow) for flow in wire.flows] == [f"udp {DNS}:53 unanswered"]
    other = Capture()
    other.ask("closed.lab")
    trusted_elsewhere = analyse(decode_all(other.raws), resolvers=["198.18.0.3"])
    assert [wire_line(f) for f in trusted_elsewhere.flows] == [f"udp {DNS}:53 unanswered"]


def test_names_come_from_the_latest_answer_before_the_flow() -> None:
    capture = Capture()
    capture.connection(MAIL, 1, source_port=1).syn()
    capture.ask("old.lab", id=1)
    capture.tell("old.lab", MAIL, id=1)
    capture.connection(MAIL, 2, source_port=2).syn()
    capture.ask("new.lab", id=2)
    capture.tell("new.lab", MAIL, id=2)
    capture.connection(MAIL, 3, source_port=3).syn()
    wire = analyse(decode_all(capture.raws), names={DNS: "dns.lab", MAIL: "given.lab"})
    hosts = [flow.host for flow in wire.flows if flow.protocol == "tcp"]
    assert hosts == ["given.lab", "old.lab", "new.lab"]
    assert wire.names == {DNS: "dns.lab", MAIL: "new.lab"}
