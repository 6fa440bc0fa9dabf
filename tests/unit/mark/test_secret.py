"""`secret`: a password in the clear, whatever is done to its packets; and what is no password."""

from __future__ import annotations

import base64
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.mark.evidence import RunEvidence
from labctl.mark.rules import apply_rule
from labctl.model.packet import ACK, PSH, Wire
from tests.unit.mark.samples import evidence, observed, secret, sent, wire
from tests.unit.wire.build import MAIL, Capture, tcp

SECRET = "pw-0123456789"
RULE = secret("pw-{nonce}")
FOUND = "it was on the wire, for all to read"
NOT_FOUND = "it was not on the wire"
UNSEEN = "more was sent than could be looked at"
OCTETS = SECRET.encode()


def said(taken: Wire, **lost: int) -> str:
    finding = apply_rule(RULE, on(taken, **lost))
    assert finding.expected == "the password does not go over the wire in the clear"
    assert finding.holds is (finding.actual == NOT_FOUND)
    return finding.actual


def on(taken: Wire, **lost: int) -> RunEvidence:
    return evidence(observed(*taken.flows, **lost), wire=taken)


def b64(text: str) -> bytes:
    return base64.b64encode(text.encode())


@pytest.mark.parametrize(
    "line",
    [
        OCTETS,
        b"PASS " + OCTETS + b"\r\n",
        b"AUTH PLAIN " + b64(f"\0ada\0{SECRET}"),
        b"AUTH PLAIN " + b64(f"ada\0ada\0{SECRET}"),
        b"AUTH PLAIN " + b64(f"\0a\0{SECRET}"),
        b64(SECRET) + b"\r\n",
        b64(f"ada:{SECRET}"),
        b64("x" * 50 + SECRET + "y" * 50),
        base64.encodebytes(b"x" * 50 + OCTETS + b"y" * 50),
        base64.encodebytes(b"x" * 51 + OCTETS + b"y" * 50),
        base64.encodebytes(b"x" * 52 + OCTETS + b"y" * 50),
    ],
)
def test_it_is_found(line: bytes) -> None:
    assert said(sent(b"EHLO me\r\n", line)) == FOUND


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"AUTH CRAM-MD5",
        b"pw-012345678",
        b"pw-9876543210",
        b64("\0ada\0pw-9876543210"),
        b64(SECRET.upper()),
        bytes(reversed(OCTETS)),
    ],
)
def test_what_is_like_it_is_not_it(line: bytes) -> None:
    assert said(sent(b"EHLO me\r\n", line)) == NOT_FOUND


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_it_is_found_at_every_alignment_of_base64(before: bytes, after: bytes) -> None:
    assert said(sent(base64.b64encode(before + OCTETS + after))) == FOUND


@given(
    st.text(st.characters(codec="ascii", categories=("L", "N", "P")), min_size=8, max_size=20),
    st.binary(max_size=60),
)
def test_of_what_does_not_have_it_nothing_is_said(password: str, other: bytes) -> None:
    wrapped = base64.b64encode(other)
    rule = secret(password.replace("{", "(").replace("}", ")"))
    octets = (rule.secret or "").encode()
    if octets not in other and octets not in wrapped:
        assert apply_rule(rule, on(sent(wrapped))).holds


@given(st.lists(st.integers(0, 40), max_size=6))
def test_it_is_found_over_any_segments(cuts: list[int]) -> None:
    whole = b"AUTH PLAIN " + b64(f"\0ada\0{SECRET}")
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    pieces = [whole[a:b] for a, b in itertools.pairwise(places) if a < b]
    assert said(sent(*pieces)) == FOUND


def segments(*given: tuple[int, bytes], isn: int = 1000) -> Wire:
    """A connection, and then segments at these places of its stream."""
    capture = Capture()
    connection = capture.connection(MAIL, 25)
    connection.isn = isn
    connection.syn().accept()
    for offset, payload in given:
        number = (isn + 1 + offset) % (1 << 32)
        segment = tcp(40000, 25, number, 7_000_001, PSH | ACK, payload)
        capture.ip(capture.client, MAIL, 6, segment)
    return wire(capture)


@pytest.mark.parametrize(
    "order",
    [
        [(0, 5), (5, 13)],
        [(5, 13), (0, 5)],
        [(0, 5), (0, 5), (5, 13)],
        [(0, 5), (0, 13)],
        [(0, 13), (5, 13)],
        [(0, 8), (4, 13)],
        [(0, 3), (2, 6), (1, 9), (8, 13)],
        [(9, 13), (4, 10), (0, 5)],
    ],
)
def test_it_is_found_in_what_was_sent_again_or_overlaps(order: list[tuple[int, int]]) -> None:
    pieces = [(start, OCTETS[start:end]) for start, end in order]
    assert said(segments(*pieces)) == FOUND


def test_it_is_found_where_sequence_numbers_begin_anew() -> None:
    pieces = ((0, OCTETS[:5]), (5, OCTETS[5:]))
    assert said(segments(*pieces, isn=(1 << 32) - 4)) == FOUND


def test_two_connections_are_two_streams() -> None:
    capture = Capture()
    for number, piece in enumerate((OCTETS[:5], OCTETS[5:])):
        one = capture.connection(MAIL, 25, source_port=40000 + number).syn().accept()
        one.data("client", piece)
    assert said(wire(capture)) == NOT_FOUND


def test_what_the_server_says_is_not_the_clients() -> None:
    capture = Capture()
    capture.connection(MAIL, 25).syn().accept().data("server", OCTETS)
    assert said(wire(capture)) == NOT_FOUND


@pytest.mark.parametrize("payload", [OCTETS, b64(SECRET)])
def test_it_is_found_in_datagrams(payload: bytes) -> None:
    capture = Capture()
    capture.udp((capture.client, 40000), (MAIL, 514), b"<13>" + payload)
    assert said(wire(capture)) == FOUND


def test_it_is_found_in_a_name_that_is_looked_up() -> None:
    capture = Capture()
    capture.ask(f"{SECRET}.lab")
    assert capture.raws[0].direction == "out"
    assert said(wire(capture)) == FOUND


def cut_short() -> Wire:
    """A segment that is longer than what is kept of it."""
    capture = Capture()
    connection = capture.connection(MAIL, 25).syn().accept()
    connection.data("client", b"x" * 4000 + OCTETS)
    whole = capture.raws.pop()
    capture.frame(whole.data, "out", snaplen=2000)
    return wire(capture)


def test_behind_the_end_of_what_is_kept_it_may_be() -> None:
    assert said(cut_short()) == UNSEEN


def test_so_may_it_in_a_fragment() -> None:
    capture = Capture()
    capture.udp((capture.client, 40000), (MAIL, 514), b"hello")
    raw = capture.raws[-1].data
    capture.frame(raw[:20] + b"\x00\x10" + raw[22:34] + OCTETS, "out")
    assert said(wire(capture)) == UNSEEN


@pytest.mark.parametrize("lost", [{"lost_packets": 1}, {"lost_events": 1}])
def test_what_was_lost_may_have_had_it(lost: dict[str, int]) -> None:
    assert said(sent(b"EHLO me\r\n"), **lost) == UNSEEN
    assert said(sent(OCTETS), **lost) == FOUND


def test_one_too_short_for_base64_is_looked_for_as_it_is() -> None:
    rule = secret("ab")
    assert not apply_rule(rule, on(sent(b"ab"))).holds
    assert apply_rule(rule, on(sent(b64("ab")))).holds
