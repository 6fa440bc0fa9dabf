"""Expected x observed flows -> differences."""

from __future__ import annotations

import pytest

from labctl.judge.wire import judge_wire
from labctl.model.flow_detail import DnsDetail, FlowDetail
from labctl.model.packet import SYN
from labctl.model.result import Flow
from labctl.wire.decode import decode_all
from labctl.wire.flows import analyse
from tests.unit.wire.build import CLIENT, MAIL, Capture, tcp
from tests.unit.wire.captures import recorded

LOOKED_UP = "dns closed.lab A answered"
REFUSED = "tcp closed.lab:2525 refused"


def flow(line: str, **detail: object) -> Flow:
    """The flow of a line."""
    protocol, *rest, outcome = line.split()
    host, _, port = rest[0].partition(":")
    dns = DnsDetail(name=host, type=rest[1]) if protocol == "dns" else None
    return Flow(
        protocol=protocol,
        host=host,
        address="198.18.0.9",
        port=int(port or 0),
        outcome=outcome,
        detail=FlowDetail(dns=dns, **detail),  # type: ignore[arg-type]
    )


def messages(expected: list[str], observed: list[str]) -> list[str]:
    return [one.message for one in judge_wire(expected, [flow(line) for line in observed])]


def seen(name: str) -> tuple[Flow, ...]:
    return analyse(decode_all(recorded(name))).flows


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("refused", [LOOKED_UP, REFUSED]),
        ("nxdomain", ["dns nosuch.lab A nxdomain"]),
        ("servfail", ["dns servfail.lab A servfail"]),
        ("nodata", ["dns empty.lab A nodata"]),
        ("dns-mute", ["dns mute.lab A unanswered"]),
        ("filtered", ["dns filtered.lab A answered", "tcp filtered.lab:25 unanswered"]),
        (
            "gone",
            ["dns gone.lab A answered", "arp gone.lab unanswered", "tcp gone.lab:25 unreachable"],
        ),
        ("loopback-port-66000", ["tcp 127.0.0.1:464 refused"]),
        ("udp6-unreachable", ["udp [::1]:9 unreachable"]),
    ],
)
def test_recorded_captures_are_as_expected(name: str, lines: list[str]) -> None:
    assert judge_wire(lines, seen(name)) == []
    assert judge_wire("nothing", seen(name)) != []
    assert judge_wire(lines[:-1], seen(name)) != []
    assert judge_wire([*lines, "tcp other.lab:1 closed"], seen(name)) != []


def test_names_of_hosts_mean_the_same_in_capitals() -> None:
    assert (
        messages(["dns Closed.LAB A answered", "tcp CLOSED.lab:2525 refused"], [LOOKED_UP, REFUSED])
        == []
    )


def test_another_outcome() -> None:
    (difference,) = judge_wire(
        [LOOKED_UP, "tcp closed.lab:2525 unanswered"], [flow(LOOKED_UP), flow(REFUSED)]
    )
    assert difference.what == "wire"
    assert difference.expected == "tcp closed.lab:2525 unanswered"
    assert difference.actual == REFUSED
    assert difference.message == (
        "on the wire, expected `tcp closed.lab:2525` to be unanswered, but it was refused (a "
        "RST answered the SYN)"
    )


@pytest.mark.parametrize(
    ("name", "expected", "evidence"),
    [
        ("filtered", "tcp filtered.lab:25 refused", "it was unanswered (3 SYNs, no answer)"),
        ("reset", "tcp mail.lab:26 closed", "it was reset (by the server)"),
        ("early-fin", "tcp mail.lab:27 open", "it was closed (the server closed first)"),
        (
            "icmp-prohibited",
            "tcp rejecting.lab:1 refused",
            "it was unreachable (ICMP host prohibited from 198.18.250.14)",
        ),
        ("nxdomain", "dns nosuch.lab A answered", "it was nxdomain (NXDOMAIN)"),
        ("dns-mute", "dns mute.lab A answered", "it was unanswered"),
        ("udp-echo", "udp mail.lab:7 unanswered", "it was answered"),
    ],
)
def test_the_evidence_for_another_outcome(name: str, expected: str, evidence: str) -> None:
    texts = [one.message for one in judge_wire([expected], seen(name))]
    assert any(text.endswith(f"but {evidence}") for text in texts)


def test_a_flow_that_is_not_there() -> None:
    assert messages([LOOKED_UP, REFUSED], [LOOKED_UP]) == [
        "on the wire, expected `tcp closed.lab:2525 refused`, but the wire shows no such flow"
    ]
    assert messages([REFUSED], []) == [
        (
            "on the wire, expected `tcp closed.lab:2525 refused`, but no packet of the client "
            "was on the wire"
        )
    ]


def test_a_flow_that_nobody_expected() -> None:
    decoy = "tcp 127.0.0.1:41 refused"
    assert messages([LOOKED_UP, REFUSED], [decoy, LOOKED_UP, REFUSED]) == [
        "on the wire, `tcp 127.0.0.1:41 refused` is there, which was not expected"
    ]


def test_a_flow_too_many() -> None:
    assert messages([LOOKED_UP, REFUSED], [LOOKED_UP, REFUSED, REFUSED]) == [
        "on the wire, `tcp closed.lab:2525 refused` is there more often than expected"
    ]


def test_the_order_counts() -> None:
    (message,) = messages([LOOKED_UP, REFUSED], [REFUSED, LOOKED_UP])
    assert message.endswith("is there, but not in the place where it was expected")


def test_nothing_means_nothing() -> None:
    assert judge_wire("nothing", []) == []
    assert judge_wire([], []) == []
    (difference,) = judge_wire("nothing", [flow(LOOKED_UP)])
    assert difference.message == (
        "expected nothing on the wire, but `dns closed.lab A answered` is there"
    )


@pytest.mark.parametrize(
    ("a_outcome", "aaaa_outcome"),
    [
        ("answered", "nodata"),
        ("nodata", "nodata"),
        ("nxdomain", "nxdomain"),
        ("servfail", "servfail"),
        ("unanswered", "unanswered"),
    ],
)
def test_the_aaaa_question_beside_an_expected_a_question_needs_no_line(
    a_outcome: str, aaaa_outcome: str
) -> None:
    expected = [f"dns x.lab A {a_outcome}"]
    assert messages(expected, [*expected, f"dns x.lab AAAA {aaaa_outcome}"]) == []


@pytest.mark.parametrize("outcome", ["answered", "servfail", "unanswered", "nxdomain"])
def test_an_aaaa_question_that_came_to_something_else_must_be_expected(outcome: str) -> None:
    expected = ["dns x.lab A answered"]
    assert messages(expected, [*expected, f"dns x.lab AAAA {outcome}"]) != []


def test_an_aaaa_question_of_another_name_must_be_expected() -> None:
    assert messages([LOOKED_UP], [LOOKED_UP, "dns other.lab AAAA nodata"]) != []


def test_an_aaaa_question_that_is_written_is_required() -> None:
    line = "dns closed.lab AAAA nodata"
    assert messages([LOOKED_UP, line], [LOOKED_UP, line]) == []
    assert messages([LOOKED_UP, line], [LOOKED_UP]) != []
    assert messages([LOOKED_UP, line], [LOOKED_UP, line, line]) != []
    expected = ["dns x.lab A unanswered", "dns x.lab AAAA nodata"]
    assert messages(expected, [expected[0], "dns x.lab AAAA unanswered"]) == [
        "on the wire, expected `dns x.lab AAAA` to be nodata, but it was unanswered"
    ]


def test_what_other_hosts_begin_is_not_the_clients_doing() -> None:
    capture = Capture()
    capture.ip(MAIL, CLIENT, 6, tcp(20, 6000, 1, 0, SYN))
    flows = analyse(decode_all(capture.raws)).flows
    assert judge_wire("nothing", flows) == []
    assert judge_wire([f"tcp {CLIENT}:6000 unanswered"], flows) == []


def test_differences_are_bounded() -> None:
    flows = [flow(f"tcp evil.lab:{port} open") for port in range(1000)]
    found = judge_wire([REFUSED], flows)
    assert len(found) == 21
    assert found[-1].message == "and 981 more differences on the wire"
