"""TLS handshakes in recorded and broken bytes."""

from __future__ import annotations

import pytest

from labctl.model.flow_detail import TlsAlert, TlsDetail
from labctl.wire.decode import decode_all
from labctl.wire.flows import analyse
from labctl.wire.tcp import STREAM_LIMIT, Stream
from labctl.wire.tls import describe_segment, handshake
from tests.unit.wire.captures import recorded

BOTH = ("TLS 1.3", "TLS 1.2")


def seen(name: str) -> TlsDetail | None:
    detail = analyse(decode_all(recorded(name))).flows[-1].detail
    assert detail
    return detail.tls


def test_a_handshake_of_tls_1_3() -> None:
    assert seen("tls-good") == TlsDetail(offered=BOTH, sni="mail.lab", chosen="TLS 1.3")


def test_a_client_that_does_not_trust_the_certificate() -> None:
    assert seen("tls-untrusted") == TlsDetail(
        offered=BOTH,
        sni="mail.lab",
        chosen="TLS 1.2",
        alerts=(TlsAlert(by="client", level="fatal", description="unknown_ca"),),
    )


def test_a_server_that_wants_a_newer_version() -> None:
    assert seen("tls-too-old") == TlsDetail(
        offered=("TLS 1.2",),
        sni="mail.lab",
        alerts=(TlsAlert(by="server", level="fatal", description="protocol_version"),),
    )


def test_a_server_that_speaks_something_else() -> None:
    assert seen("tls-plain-server") == TlsDetail(
        offered=BOTH, sni="mail.lab", not_tls="220 mail.lab ESMTP"
    )


def test_no_tls_at_all() -> None:
    assert seen("greeting") is None


@pytest.mark.parametrize(
    "sent", [b"\x16\x03", b"\x16\x03\x01\xff\xff\x01", b"\x15\x03\x01\x00\x02"]
)
def test_a_handshake_cut_short(sent: bytes) -> None:
    assert handshake(sent, b"\x16\x03\x03\x00\x04\x02\x00\x00\x00") == TlsDetail(chosen="cut short")


def test_alerts_after_encryption_began_are_not_read() -> None:
    sent = b"\x16\x03\x01\x00\x00\x14\x03\x03\x00\x01\x01\x15\x03\x03\x00\x02\x02\x28"
    assert handshake(sent, b"") == TlsDetail()


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"\x16\x03\x01\x00\x01\x01", "TLS ClientHello"),
        (b"\x16\x03\x03\x00\x01\x02", "TLS ServerHello"),
        (b"\x15\x03\x03\x00\x02\x02\x28", "TLS alert: handshake_failure"),
        (b"\x15\x03\x03\x00\x03abc", "TLS alert: encrypted"),
        (b"\x14\x03\x03\x00\x01\x01\x17\x03\x03\x00\x01x", "TLS, encrypted"),
        (b"220 mail.lab", ""),
        (b"", ""),
    ],
)
def test_what_a_segment_starts_with(payload: bytes, said: str) -> None:
    assert describe_segment(payload) == said


def test_segments_are_put_in_order() -> None:
    stream = Stream()
    stream.add(4, b"efgh", 4)
    stream.add(2, b"cdef", 4)
    assert stream.data == b""
    stream.add(0, b"abc", 3)
    stream.add(0, b"abc", 3)
    assert (stream.data, stream.length) == (b"abcdefgh", 8)


def test_what_was_not_captured_is_a_gap() -> None:
    stream = Stream()
    stream.add(0, b"ab", 4)
    stream.add(4, b"ef", 2)
    assert (stream.data, stream.length) == (b"ab", 6)
    stream.add(2, b"cd", 2)
    assert stream.data == b"abcdef"


def test_a_stream_is_bounded() -> None:
    stream = Stream()
    for number in range(100):
        stream.add(number * 1000, bytes(1000), 1000)
    assert (len(stream.data), stream.length) == (STREAM_LIMIT, 100_000)
    gap = Stream()
    for number in range(1, STREAM_LIMIT):
        gap.add(number, bytes(60_000), 60_000)
    kept = sum(map(len, gap._later.values()))  # noqa: SLF001 the bound is on what is kept inside
    assert kept < 300 * STREAM_LIMIT
