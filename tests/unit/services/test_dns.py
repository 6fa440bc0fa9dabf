"""The lab's name server."""

from __future__ import annotations

import json
import socket
import time

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.reversename
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.services.dns import reply
from labctl.services.settings import WrongScript
from labctl.services.zone import TTL_S, Zone
from tests.unit.services.program import Program, running

ZONE = "closed.lab=198.18.0.11 mail.lab=198.18.0.13 www.lab=198.18.0.13"
PEER = "198.18.0.130:40000"
MAIL_REVERSED = "13.0.18.198.in-addr.arpa."


def asked(name: str, kind: str, capsys: pytest.CaptureFixture[str]) -> tuple[str, list[str], str]:
    """Code and records of the answer, and the code that the server's event has."""
    query = dns.message.make_query(name, kind)
    answer = reply(Zone(ZONE), query.to_wire(), PEER)
    assert answer is not None
    response = dns.message.from_wire(answer.data)
    assert query.is_response(response)
    assert response.flags & dns.flags.AA
    event = json.loads(capsys.readouterr().out)
    assert (event["event"], event["peer"]) == ("query", PEER)
    assert event["detail"]["name"] == name.removesuffix(".")
    assert event["detail"]["type"] == kind
    records = [record for found in response.answer for record in found.to_text().splitlines()]
    return dns.rcode.to_text(response.rcode()), records, event["detail"]["code"]


@pytest.mark.parametrize(
    ("name", "kind", "code", "record"),
    [
        ("mail.lab.", "A", "NOERROR", f"mail.lab. {TTL_S} IN A 198.18.0.13"),
        ("MAIL.Lab.", "A", "NOERROR", f"MAIL.Lab. {TTL_S} IN A 198.18.0.13"),
        ("mail.lab.", "AAAA", "NOERROR", None),
        ("mail.lab.", "MX", "NOERROR", None),
        ("mail.lab.", "PTR", "NOERROR", None),
        (MAIL_REVERSED, "PTR", "NOERROR", f"{MAIL_REVERSED} {TTL_S} IN PTR mail.lab."),
        (MAIL_REVERSED, "A", "NOERROR", None),
        ("1.0.18.198.in-addr.arpa.", "PTR", "NXDOMAIN", None),
        ("gone.lab.", "A", "NXDOMAIN", None),
        ("lab.", "A", "NXDOMAIN", None),
        ("a.mail.lab.", "A", "NXDOMAIN", None),
    ],
)
def test_names(
    name: str, kind: str, code: str, record: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(name, kind, capsys) == (code, [record] if record else [], code)


def test_an_address_with_several_names_is_called_by_the_first() -> None:
    query = dns.message.make_query(dns.reversename.from_address("198.18.0.13"), "PTR")
    (answer,) = Zone(ZONE).answer(query).answer
    assert [str(record) for record in answer] == ["mail.lab."]


def test_a_lab_without_names_knows_none() -> None:
    response = Zone("").answer(dns.message.make_query("mail.lab", "A"))
    assert response.rcode() is dns.rcode.NXDOMAIN


def odd(answer: str, *, stream: bool = False) -> dns.message.Message | None:
    query = dns.message.make_query("odd.lab", "A")
    made = reply(Zone(ZONE, f"odd.lab: {answer}"), query.to_wire(), PEER, stream=stream)
    assert made is not None
    if not (wire := made.data):
        return None
    assert (wire[:2] == query.to_wire()[:2]) == (answer != "wrong-id")
    return dns.message.from_wire(wire)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("servfail", "SERVFAIL"),
        ("refused", "REFUSED"),
        ("formerr", "FORMERR"),
        ("nodata", "NOERROR"),
        ("wrong-id", "NOERROR"),
    ],
)
def test_names_with_an_answer_of_their_own(
    answer: str, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    response = odd(answer)
    assert response is not None
    assert (dns.rcode.to_text(response.rcode()), response.answer) == (code, [])
    assert json.loads(capsys.readouterr().out)["detail"]["code"] == answer


def test_names_with_no_answer_at_all_or_one_that_is_none() -> None:
    assert odd("silent") is None
    with pytest.raises(dns.exception.DNSException):
        odd("garbage")


def test_a_truncated_answer_has_no_whole_one_over_tcp() -> None:
    response = odd("truncated")
    assert response is not None
    assert response.flags & dns.flags.TC
    response = odd("truncated", stream=True)
    assert response is not None
    assert response.rcode() is dns.rcode.SERVFAIL


def test_a_name_with_the_addresses_of_those_that_are_there() -> None:
    response = odd("[mail.lab, gone.lab, closed.lab]")
    assert response is not None
    (records,) = response.answer
    assert sorted(map(str, records)) == ["198.18.0.11", "198.18.0.13"]
    response = odd("[gone.lab]")
    assert response is not None
    assert (response.rcode(), response.answer) == (dns.rcode.NOERROR, [])


def test_addresses_come_in_the_order_of_the_list() -> None:
    zone = Zone(ZONE, "odd.lab: [mail.lab, closed.lab]")
    wire = dns.message.make_query("odd.lab", "A").to_wire()
    for _ in range(20):
        made = reply(zone, wire, PEER)
        assert made is not None
        (records,) = dns.message.from_wire(made.data).answer
        assert [str(record) for record in records] == ["198.18.0.13", "198.18.0.11"]


def test_a_number_is_an_address_of_the_same_network() -> None:
    query = dns.message.make_query("odd.lab", "A")
    (records,) = Zone(ZONE, "odd.lab: [99]").answer(query).answer
    assert [str(record) for record in records] == ["198.18.0.99"]
    assert Zone("", "odd.lab: [99]").answer(query).answer == []


@pytest.mark.parametrize(
    ("answers", "wrong"),
    [
        ("a.lab: no", "a.lab: must be one of servfail, refused, formerr, nodata, garbage, "),
        ("a.lab: [1.5]", "a.lab: must be text (in quotes, if YAML reads it otherwise), not 1.5"),
        ("a.lab: ['fe80::1%eth0']", "a.lab: an address has no scope in DNS, as fe80::1%eth0 has"),
        ("a.lab: {answer: silent}", "a.lab: delay: must be a number of seconds, not None"),
        ("a.lab: {delay: 300ms}", "a.lab: delay: must be a number of seconds, not '300ms'"),
        ("a.lab: {delay: -1}", "a.lab: delay: must be a number of seconds, not -1"),
        ("a.lab: {delay: 1, anser: x}", "a.lab: there is no 'anser'; there are delay, answer"),
        ("a.lab: {delay: 1, answer: no}", "a.lab: answer: must be one of servfail, refused, "),
        ("a.lab: silent\na.lab: silent", "line 1: a.lab is there twice"),
        ("[a.lab]", "must be a mapping, not ['a.lab']"),
    ],
)
def test_answers_that_are_wrong(answers: str, wrong: str) -> None:
    with pytest.raises(WrongScript) as caught:
        Zone(ZONE, answers)
    assert str(caught.value).startswith(wrong)


@pytest.mark.parametrize("questions", [0, 2])
def test_a_query_without_one_question_is_refused(
    questions: int, capsys: pytest.CaptureFixture[str]
) -> None:
    query = dns.message.make_query("mail.lab", "A")
    query.question *= questions
    answer = reply(Zone(ZONE), query.to_wire(), PEER)
    assert answer is not None
    assert dns.message.from_wire(answer.data).rcode() is dns.rcode.FORMERR
    assert len(capsys.readouterr().out.splitlines()) == questions


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "ShortHeader"),
        (b"GET / HTTP/1.1\r\n\r\n", "FormError"),
        (dns.message.make_query("mail.lab", "A").to_wire()[:-3], "FormError"),
        (dns.message.make_query("mail.lab", "A").to_wire() + b"!", "TrailingJunk"),
    ],
    ids=["nothing", "another protocol", "cut short", "more than a query"],
)
def test_what_is_no_query_gets_no_answer(
    data: bytes, error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reply(Zone(ZONE), data, PEER) is None
    event = json.loads(capsys.readouterr().out)
    assert (event["event"], event["peer"], event["detail"]) == ("garbage", PEER, {"error": error})


def test_answers_get_no_answer(capsys: pytest.CaptureFixture[str]) -> None:
    response = dns.message.make_response(dns.message.make_query("mail.lab", "A"))
    assert reply(Zone(ZONE), response.to_wire(), PEER) is None
    assert json.loads(capsys.readouterr().out)["event"] == "garbage"


@given(st.binary(max_size=40), st.integers(0, 40), st.integers(0, 40))
def test_any_bytes_are_dealt_with(data: bytes, start: int, end: int) -> None:
    query = dns.message.make_query("mail.lab", "A", use_edns=0).to_wire()
    reply(Zone(ZONE), data, PEER)
    reply(Zone(ZONE), query[:start] + data + query[end:], PEER)


def test_over_udp_and_tcp() -> None:
    query = dns.message.make_query("mail.lab", "A")
    with running("dns", LAB_ZONE=ZONE) as program:
        for ask in (dns.query.udp, dns.query.tcp):
            response = ask(query, "127.0.0.1", port=program.port, timeout=5)
            assert [found.to_text() for found in response.answer] == [
                f"mail.lab. {TTL_S} IN A 198.18.0.13"
            ]
        events = program.until_synced("w")
        assert [event["detail"]["name"] for event in events] == ["mail.lab"] * 2
        assert all(event["peer"].startswith("127.0.0.1:") for event in events)


def records(program: Program, name: str, kind: str) -> tuple[str, list[str]]:
    """Code and records of the answer of a running server, as a client gets it."""
    query = dns.message.make_query(name, kind)
    response = dns.query.udp(query, "127.0.0.1", port=program.port, timeout=5)
    found = [record for answer in response.answer for record in answer.to_text().splitlines()]
    return dns.rcode.to_text(response.rcode()), found


def test_an_ipv6_address_is_an_aaaa_record() -> None:
    answers = """
        six.lab: ["2001:db8::6"]
        both.lab: ["2001:db8::6", mail.lab, 192.0.2.7, "::1", 99]
    """
    with running("dns", LAB_ZONE=ZONE, LAB_ANSWERS=answers) as program:
        six = f"six.lab. {TTL_S} IN AAAA 2001:db8::6"
        assert records(program, "six.lab", "AAAA") == ("NOERROR", [six])
        assert records(program, "six.lab", "A") == ("NOERROR", [])
        both = [f"both.lab. {TTL_S} IN AAAA {address}" for address in ("2001:db8::6", "::1")]
        assert records(program, "both.lab", "AAAA") == ("NOERROR", both)
        addresses = ("198.18.0.13", "192.0.2.7", "198.18.0.99")
        both = [f"both.lab. {TTL_S} IN A {address}" for address in addresses]
        assert records(program, "both.lab", "A") == ("NOERROR", both)


def test_an_answer_with_a_delay_comes_late_and_keeps_no_other_waiting() -> None:
    answers = "{late.lab: {delay: 0.4, answer: [mail.lab]}, mail.lab: {delay: 0.2}}"
    with (
        running("dns", LAB_ZONE=ZONE, LAB_ANSWERS=answers) as program,
        socket.socket(type=socket.SOCK_DGRAM) as sock,
    ):
        sock.connect(("127.0.0.1", program.port))
        sock.settimeout(5)
        begin = time.monotonic()
        for name in ("late.lab", "mail.lab", "closed.lab"):
            sock.send(dns.message.make_query(name, "A").to_wire())
        came = []
        for _ in range(3):
            response = dns.message.from_wire(sock.recv(512))
            assert response.answer
            came.append((str(response.question[0].name), time.monotonic() - begin))
        assert [name for name, _ in came] == ["closed.lab.", "mail.lab.", "late.lab."]
        assert came[1][1] >= 0.2
        assert came[2][1] >= 0.4
        query = dns.message.make_query("late.lab", "A")
        begin = time.monotonic()
        assert dns.query.tcp(query, "127.0.0.1", port=program.port, timeout=5).answer
        assert time.monotonic() - begin >= 0.4


def test_late_answers_are_forgotten_with_their_client() -> None:
    with (
        running("dns", LAB_ZONE=ZONE, LAB_ANSWERS="mail.lab: {delay: 0.3}") as program,
        socket.socket(type=socket.SOCK_DGRAM) as sock,
    ):
        sock.connect(("127.0.0.1", program.port))
        sock.send(dns.message.make_query("mail.lab", "A").to_wire())
        assert program.event()["detail"]["name"] == "mail.lab"
        program.say("sync w 127.0.0.1")
        assert program.event()["event"] == "synced"
        sock.send(dns.message.make_query("mail.lab", "MX").to_wire())
        sock.settimeout(5)
        response = dns.message.from_wire(sock.recv(512))
        assert response.question[0].rdtype is dns.rdatatype.MX


def test_several_queries_in_one_connection_cut_anywhere() -> None:
    names = ["mail.lab", "gone.lab", "closed.lab"]
    queries = [dns.message.make_query(name, "A") for name in names]
    wires = [query.to_wire() for query in queries]
    data = b"".join(len(wire).to_bytes(2, "big") + wire for wire in wires)
    with (
        running("dns", LAB_ZONE=ZONE) as program,
        socket.create_connection(("127.0.0.1", program.port), timeout=5) as sock,
    ):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(data), 7):
            sock.sendall(data[at : at + 7])
        for query in queries:
            response, _ = dns.query.receive_tcp(sock)
            assert query.is_response(response)
        assert [event["detail"]["code"] for event in program.until_synced("w")] == [
            "NOERROR",
            "NXDOMAIN",
            "NOERROR",
        ]


def test_garbage_over_tcp_ends_the_connection_and_not_the_service() -> None:
    with running("dns", LAB_ZONE=ZONE) as program:
        with socket.create_connection(("127.0.0.1", program.port), timeout=5) as sock:
            sock.sendall(b"\x00\x03abc")
            assert sock.recv(10) == b""
        with socket.create_connection(("127.0.0.1", program.port), timeout=5) as sock:
            sock.sendall(b"\x00\x30cut off")
        assert [event["event"] for event in program.until_synced("w")] == ["garbage"]
        query = dns.message.make_query("mail.lab", "A")
        assert dns.query.tcp(query, "127.0.0.1", port=program.port, timeout=5).answer
