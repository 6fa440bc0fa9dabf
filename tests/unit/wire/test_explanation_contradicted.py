"""What the sentence says where the wire doesn't bear the exception out, or has nothing."""

from __future__ import annotations

import pytest

from labctl.model.packet import SYN
from labctl.model.result import ExceptionInfo, Outcome
from labctl.wire.decode import decode_all
from labctl.wire.explanation import explain
from labctl.wire.flows import analyse
from tests.unit.wire.build import CLIENT, MAIL, Capture, tcp
from tests.unit.wire.raised import (
    GONE,
    NO_HOST,
    NO_NAME,
    REFUSED,
    RESET,
    TIMEOUT,
    TLS,
    observed,
    wire_of,
)


@pytest.mark.parametrize(
    ("name", "raised", "sentence"),
    [
        (
            "greeting",
            REFUSED,
            (
                "ConnectionRefusedError was raised, but nothing on the wire turned a "
                "connection away: no RST answered a SYN; on the wire, the connection to "
                "mail.lab:25 was opened and closed."
            ),
        ),
        (
            "refused",
            TIMEOUT,
            (
                "TimeoutError was raised, but nothing on the wire was waiting for an answer; "
                "on the wire, a RST answered the SYN to closed.lab:2525."
            ),
        ),
        (
            "udp-echo",
            NO_NAME,
            (
                "socket.gaierror was raised, but every DNS question on the wire was answered; "
                "on the wire, mail.lab:7 answered over UDP."
            ),
        ),
        (
            "refused",
            RESET,
            (
                "ConnectionResetError was raised, but no server on the wire broke a connection "
                "off; on the wire, a RST answered the SYN to closed.lab:2525."
            ),
        ),
        (
            "refused",
            GONE,
            (
                "smtplib.SMTPServerDisconnected was raised, but no server on the wire ended a "
                "connection; on the wire, a RST answered the SYN to closed.lab:2525."
            ),
        ),
        (
            "refused",
            TLS,
            (
                "ssl.SSLCertVerificationError was raised, but no TLS handshake was on the "
                "wire; on the wire, a RST answered the SYN to closed.lab:2525."
            ),
        ),
        (
            "refused",
            NO_HOST,
            (
                "OSError was raised, but no ICMP error was on the wire; on the wire, a RST "
                "answered the SYN to closed.lab:2525."
            ),
        ),
    ],
)
def test_a_claim_that_the_wire_does_not_bear_out(
    name: str, raised: ExceptionInfo, sentence: str
) -> None:
    assert explain(wire_of(name), observed(raised)) == sentence


def test_nothing_on_the_wire() -> None:
    nothing = analyse([])
    assert explain(nothing, observed(REFUSED)) == (
        "ConnectionRefusedError was raised, but nothing on the wire turned a connection away: "
        "no RST answered a SYN; no packet of the client was on the wire."
    )
    assert explain(nothing, observed(NO_HOST)) == (
        "No packet left: the kernel has no route to that address, and said so itself."
    )
    assert explain(nothing, observed(NO_NAME)) == (
        "No DNS question was on the wire: the C library turned the name or the port down by "
        "itself, and the look-up failed with EAI_NONAME."
    )


def test_clients_that_raised_nothing() -> None:
    assert explain(wire_of("greeting"), observed(None, outcome=Outcome.RETURNED)) == (
        "Nothing was raised: on the wire, the connection to mail.lab:25 was opened and closed."
    )
    assert explain(analyse([]), observed(None, outcome=Outcome.KILLED)) == (
        "The client left no exception to explain; no packet of the client was on the wire."
    )


def test_flows_that_others_began_explain_nothing() -> None:
    capture = Capture()
    capture.ip(MAIL, CLIENT, 6, tcp(20, 6000, 1, 0, SYN))
    wire = analyse(decode_all(capture.raws))
    assert "no packet of the client" in explain(wire, observed(TIMEOUT))
