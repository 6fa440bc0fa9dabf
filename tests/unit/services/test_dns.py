"""The lab's name server."""

from __future__ import annotations

import json
import socket

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

from labctl.services.dns import TTL_S, Zone, reply
from tests.unit.services.program import running

ZONE = "closed.lab=198.18.0.11 mail.lab=198.18.0.13 www.lab=198.18.0.13"
PEER = "198.18.0.130:40000"
MAIL_REVERSED = "13.0.18.198.in-addr.arpa."


def asked(name: str, kind: str, capsys: pytest.CaptureFixture[str]) -> tuple[str, list[str], str]:
    """Code and records of the answer, and the code that the server's event has."""
    query = dns.message.make_query(name, kind)
    wire = reply(Zone(ZONE), query.to_wire(), PEER)
    assert wire is not None
    response = dns.message.from_wire(wire)
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


@pytest.mark.parametrize("questions", [0, 2])
def test_a_query_without_one_question_is_refused(
    questions: int, capsys: pytest.CaptureFixture[str]
) -> None:
    query = dns.message.make_query("mail.lab", "A")
    query.question *= questions
    wire = reply(Zone(ZONE), query.to_wire(), PEER)
    assert wire is not None
    assert dns.message.from_wire(wire).rcode() is dns.rcode.FORMERR
    assert len(capsys.readouterr().out.splitlines()) == questions


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "ShortHeader"),
        (b"GET / HTTP/1.1\r\n\r\n", "FormError"),
        (dns.message.make_query("mail.lab", "A").to_wire()[:-3], "FormError"),
        (dns.message.make_query("mail.lab", "A").to_wire() + b"!", "TrailingJunk"),
    ],
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
