"""One sentence for why the exception is what it is."""

from __future__ import annotations

import pytest

from labctl.model.result import Call, ExceptionInfo
from labctl.wire.explanation import explain
from labctl.wire.flows import analyse
from tests.unit.wire.raised import (
    AGAIN,
    GONE,
    KERNEL_TIMEOUT,
    NO_HOST,
    NO_NAME,
    OVERFLOW,
    REFUSED,
    RESET,
    TIMEOUT,
    TLS,
    URL,
    exception,
    observed,
    wire_of,
)


@pytest.mark.parametrize(
    ("name", "raised", "sentence"),
    [
        (
            "refused",
            REFUSED,
            (
                "A RST answered the SYN: closed.lab is up, but nobody listens on port 2525, so "
                "the kernel raised ECONNREFUSED."
            ),
        ),
        (
            "refused",
            URL,
            (
                "A RST answered the SYN: closed.lab is up, but nobody listens on port 2525, so "
                "the kernel raised ECONNREFUSED, which reached the client as "
                "urllib.error.URLError."
            ),
        ),
        (
            "icmp-port",
            REFUSED,
            (
                "An ICMP port unreachable came back from 198.18.250.14 for rejecting.lab:2: "
                "Linux makes the same error of it as of a RST, so the kernel raised "
                "ECONNREFUSED."
            ),
        ),
        (
            "udp-unreachable",
            REFUSED,
            (
                "An ICMP port unreachable came back from 198.18.250.11 for closed.lab:9: Linux "
                "makes the same error of it as of a RST, so the kernel raised ECONNREFUSED."
            ),
        ),
        (
            "icmp-prohibited",
            NO_HOST,
            (
                "ICMP host prohibited came back from 198.18.250.14 for rejecting.lab:1, so the "
                "kernel raised EHOSTUNREACH."
            ),
        ),
        (
            "gone",
            NO_HOST,
            (
                "Nobody answered when the client's kernel asked who has 198.18.250.77: no such "
                "host is on this network, so the kernel raised EHOSTUNREACH."
            ),
        ),
        (
            "filtered",
            TIMEOUT,
            (
                "3 SYNs to filtered.lab:25 got no answer, not even a refusal: a firewall that "
                "drops packets looks like this, and the client waited until its own timeout "
                "was up."
            ),
        ),
        (
            "filtered",
            KERNEL_TIMEOUT,
            (
                "3 SYNs to filtered.lab:25 got no answer, not even a refusal: a firewall that "
                "drops packets looks like this, and the client waited until the kernel gave up "
                "(ETIMEDOUT)."
            ),
        ),
        (
            "early-fin",
            TIMEOUT,
            (
                "mail.lab:27 took the connection and then said nothing at all: the client "
                "waited until its own timeout was up."
            ),
        ),
        (
            "greeting",
            TIMEOUT,
            (
                "mail.lab:25 sent 29 B and then kept the client waiting until its own timeout "
                "was up."
            ),
        ),
        (
            "dns-mute",
            TIMEOUT,
            (
                "Nobody answered the DNS question for mute.lab: the client waited until its own "
                "timeout was up."
            ),
        ),
        (
            "nxdomain",
            NO_NAME,
            (
                "The name server answered NXDOMAIN: there is no name nosuch.lab, so the "
                "look-up failed with EAI_NONAME and no connection was tried."
            ),
        ),
        (
            "servfail",
            AGAIN,
            (
                "The name server answered SERVFAIL: it couldn't tell about servfail.lab, so "
                "the look-up failed with EAI_AGAIN and no connection was tried."
            ),
        ),
        (
            "nodata",
            NO_NAME,
            (
                "The name empty.lab exists, but has no address of the kind asked for, so the "
                "look-up failed with EAI_NONAME and no connection was tried."
            ),
        ),
        (
            "dns-mute",
            AGAIN,
            (
                "Nobody answered the DNS question for mute.lab, so the look-up failed with "
                "EAI_AGAIN and no connection was tried."
            ),
        ),
        (
            "reset",
            RESET,
            (
                "mail.lab:26 took the connection and broke it off with a RST before it had "
                "sent anything: the kernel raised ECONNRESET."
            ),
        ),
        (
            "reset",
            GONE,
            (
                "mail.lab:26 took the connection and broke it off with a RST before it had "
                "sent anything: the kernel raised ECONNRESET, which reached the client as "
                "smtplib.SMTPServerDisconnected."
            ),
        ),
        (
            "early-fin",
            GONE,
            (
                "mail.lab:27 took the connection and closed it (FIN) without a word: no system "
                "call fails at an early end, so it is the library that complains."
            ),
        ),
        (
            "tls-untrusted",
            TLS,
            "The client turned what the server sent down with the TLS alert unknown_ca.",
        ),
        (
            "tls-too-old",
            TLS,
            "mail.lab:466 turned the client's offer down with the TLS alert protocol_version.",
        ),
        (
            "tls-plain-server",
            TLS,
            'mail.lab:25 doesn\'t speak TLS: it said "220 mail.lab ESMTP".',
        ),
        (
            "tls-good",
            TLS,
            (
                "mail.lab:466 agreed to TLS 1.3; what went wrong after that is encrypted, so "
                "only the client's own message tells."
            ),
        ),
        (
            "greeting",
            exception("ValueError"),
            (
                "ValueError was raised; on the wire, the connection to mail.lab:25 was opened "
                "and closed."
            ),
        ),
    ],
)
def test_what_the_wire_explains(name: str, raised: ExceptionInfo, sentence: str) -> None:
    assert explain(wire_of(name), observed(raised)) == sentence


def test_the_port_that_does_not_fit() -> None:
    call = Call(at_s=0, event="socket.getaddrinfo", args=("127.0.0.1", 66000))
    assert explain(wire_of("loopback-port-66000"), observed(REFUSED, call)) == (
        "66000 doesn't fit into 16 bits: the C library cut it to 464 (66000 - 65536), so a SYN "
        "went to port 464, where nobody listens: a RST came back, and the kernel raised "
        "ECONNREFUSED."
    )


def test_a_long_port_number_that_went_nowhere_explains_nothing() -> None:
    call = Call(at_s=0, event="socket.getaddrinfo", args=("127.0.0.1", 66001))
    assert "16 bits" not in explain(wire_of("loopback-port-66000"), observed(REFUSED, call))


def test_a_number_that_python_refuses() -> None:
    assert explain(analyse([]), observed(OVERFLOW)) == (
        "Python itself refused a number that is out of range before it asked the kernel for "
        "anything: no packet left."
    )
    call = Call(at_s=0, event="http.client.connect", args=("127.0.0.1", 66000))
    assert "refused the port 66000 before" in explain(analyse([]), observed(OVERFLOW, call))


@pytest.mark.parametrize("digits", [20, 4000])
def test_a_port_of_any_length_leaves_a_sentence(digits: int) -> None:
    port = 66000 + (10**digits << 16)
    call = Call(at_s=0, event="socket.getaddrinfo", args=("127.0.0.1", port))
    told = str(port) if digits == 20 else f"{str(port)[:59]}…"
    assert explain(wire_of("loopback-port-66000"), observed(REFUSED, call)) == (
        f"{told} doesn't fit into 16 bits: the C library cut it to 464 ({told} - "
        f"{told.replace('66000', '65536')}), so a SYN went to port 464, where nobody listens: a "
        "RST came back, and the kernel raised ECONNREFUSED."
    )
    assert f"refused the port {told} before" in explain(analyse([]), observed(OVERFLOW, call))


def test_a_type_of_any_length_leaves_a_sentence() -> None:
    said = explain(analyse([]), observed(exception("E" * 5000)))
    assert (len(said), said[-1]) == (600, "…")


def test_an_exception_deep_in_a_group_counts() -> None:
    group = exception("ExceptionGroup", group=(exception("ValueError", cause=REFUSED),))
    assert "nobody listens on port 2525" in explain(wire_of("refused"), observed(group))
