"""The picture: golden drawings, and rules that hold for all."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from labctl.model.packet import SYN, Wire
from labctl.model.result import Call, ExceptionInfo, Observation, Outcome
from labctl.wire.canvas import WIDTH
from labctl.wire.decode import decode_all
from labctl.wire.flows import analyse
from labctl.wire.ladder import ROWS_LIMIT
from tests.unit.wire.build import CLIENT, CLOSED, DNS, MAIL, START_NS, Capture, arp, icmp, ip4, tcp
from tests.unit.wire.captures import NAMES, recorded
from tests.unit.wire.drawn import draw_ladder

NAMES_GIVEN = {DNS: "dns.lab", "198.18.250.2": "dns.lab"}
REFUSED = ExceptionInfo(
    type="ConnectionRefusedError", message="[Errno 111] Connection refused", attrs={"errno": 111}
)


def analysed(capture: Capture) -> Wire:
    return analyse(decode_all(capture.raws), names=NAMES_GIVEN)


def failed(*calls: Call, at_s: float = 1.0) -> Observation:
    return Observation(outcome=Outcome.RAISED, exception=REFUSED, calls=calls, elapsed_s=at_s)


def drawn(capture: Capture, observation: Observation | None = None) -> str:
    return draw_ladder(analysed(capture), observation or failed(), start_ns=START_NS)


def test_a_refused_connection() -> None:
    capture = Capture()
    capture.ask("closed.lab", "A", id=1)
    capture.ask("closed.lab", "AAAA", id=2)
    capture.tell("closed.lab", CLOSED, id=1)
    capture.tell("closed.lab", kind="AAAA", id=2)
    capture.connection(CLOSED, 2525).syn().refuse()
    observation = failed(
        Call(at_s=-0.0006, event="smtplib.connect", args=("closed.lab", 2525)),
        Call(at_s=-0.0004, event="socket.getaddrinfo", args=("closed.lab", 2525)),
        Call(at_s=0.0035, event="socket.connect", args=(CLOSED, 2525)),
        at_s=0.0062,
    )
    assert drawn(capture, observation) == (
        """\
      ms   client                       dns.lab                       closed.lab
    -0.4   ● getaddrinfo("closed.lab", 2525)                               │
     0.0   ├─ DNS A closed.lab? ──────────▶│                               │
     1.0   ├─ DNS AAAA closed.lab? ───────▶│                               │
     2.0   │◀─ closed.lab is 198.18.0.11 ──┤                               │
     3.0   │◀─ no AAAA record ─────────────┤                               │
     3.5   ● connect(198.18.0.11, 2525)    │                               │
     4.0   ├─ SYN to port 2525 ────────────┼──────────────────────────────▶│
     5.0   │◀─ RST: nobody listens here ───┼───────────────────────────────┤
     6.2   ✘ ConnectionRefusedError: [Errno 111] Connection refused        │"""
    )


def test_what_has_the_same_time_comes_in_the_order_of_cause_and_effect() -> None:
    capture = Capture()
    capture.connection(CLOSED, 2525).syn().refuse()
    capture = Capture(raws=[replace(raw, at_ns=START_NS + 5_000_000) for raw in capture.raws])
    call = Call(at_s=0.005, event="socket.connect", args=(CLOSED, 2525))
    assert drawn(capture, failed(call, at_s=0.005)) == (
        """\
      ms   client                                   198.18.0.11
     5.0   ● connect(198.18.0.11, 2525)                  │
     5.0   ├─ SYN to port 2525 ─────────────────────────▶│
     5.0   │◀─ RST: nobody listens here ─────────────────┤
     5.0   ✘ ConnectionRefusedError: [Errno 111] Connection refused"""
    )


def test_the_port_that_does_not_fit() -> None:
    wire = analyse(decode_all(recorded("loopback-port-66000")))
    observation = failed(
        Call(at_s=0.001, event="socket.getaddrinfo", args=("127.0.0.1", 66000)),
        Call(at_s=0.002, event="socket.connect", args=("127.0.0.1", 464)),
        at_s=0.004,
    )
    start = wire.packets[0].at_ns - 3_000_000
    assert draw_ladder(wire, observation, start_ns=start) == (
        """\
      ms   client                                    127.0.0.1
     1.0   ● getaddrinfo("127.0.0.1", 66000)             │
     2.0   ● connect(127.0.0.1, 464)                     │
     3.0   ├─ SYN to port 464 ──────────────────────────▶│
     3.0   │◀─ RST: nobody listens here ─────────────────┤
     4.0   ✘ ConnectionRefusedError: [Errno 111] Connection refused"""
    )


def test_a_dialogue_and_who_closes() -> None:
    wire = analyse(decode_all(recorded("greeting")), names=NAMES_GIVEN)
    observation = Observation(outcome=Outcome.RETURNED, returned="b'221 bye'", elapsed_s=1)
    lines = draw_ladder(wire, observation, start_ns=wire.packets[0].at_ns).splitlines()
    assert [line[11:44] for line in lines if "┼" in line] == [
        "├─ SYN to port 25 ──────────────┼",
        "│◀─ SYN+ACK: port 25 is open ───┼",
        "├─ ACK: connected ──────────────┼",
        '│◀─ "220 mail.lab ESMTP" ───────┼',
        '├─ "QUIT" ──────────────────────┼',
        '│◀─ "221 bye" ──────────────────┼',
        "│◀─ FIN: mail.lab closes ───────┼",
        "├─ FIN: the client closes too ──┼",
    ]
    assert "✔ returned b'221 bye'" in lines[-1]


def test_packets_that_are_not_drawn_are_counted() -> None:
    wire = analyse(decode_all(recorded("udp-fragments")))
    lines = draw_ladder(wire, failed(), start_ns=0).splitlines()
    assert lines[-1] == "Not drawn: 4 packets that belong to no flow (fragments and the like)."


def test_retransmissions_are_folded() -> None:
    capture = Capture()
    connection = capture.connection(CLOSED, 25)
    for _ in range(4):
        connection.syn()
    assert drawn(capture).count("SYN") == 2
    assert "├─ SYN again, 3 times, nobody answers ───" in drawn(capture)
    connection.accept()
    assert "├─ SYN again, 3 times ───" in drawn(capture)


def test_questions_asked_again_are_folded() -> None:
    capture = Capture()
    for _ in range(3):
        capture.ask("mute.lab")
    assert "├─ DNS A again, 2 times, nobody answers ─" in drawn(capture)
    assert drawn(capture).count("DNS A") == 2


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("NXDOMAIN", "NXDOMAIN: no such name"),
        ("SERVFAIL", "SERVFAIL: the server can't tell"),
        ("NOERROR", "no A record"),
    ],
)
def test_what_name_servers_say(code: str, said: str) -> None:
    capture = Capture()
    capture.ask("a.lab")
    capture.tell("a.lab", code=code)
    assert f"◀─ {said} ─" in drawn(capture)


def test_long_data_is_folded() -> None:
    wire = analyse(decode_all(recorded("bulk")))
    picture = draw_ladder(wire, failed(), start_ns=0)
    assert "3 packets, 20.0 kB" in picture


def labels(picture: str, *, behind: int = 3) -> list[str]:
    """What stands on the arrows to and from the mail server, behind those of the handshake."""
    arrows = [re.split("[├│]", line)[1] for line in picture.splitlines() if "─" in line]
    return [arrow.strip("◀─▶┤ ") for arrow in arrows][behind:]


def test_every_line_of_a_dialogue_is_told() -> None:
    capture = Capture()
    connection = capture.connection(MAIL, 25).syn().accept()
    connection.data("server", b"220 mail.lab\r\n").data("client", b"EHLO me\r\n")
    for line in (b"250-mail.lab\r\n", b"250-SIZE 1048576\r\n", b"250 HELP\r\n"):
        connection.data("server", line)
    connection.data("client", b"QUIT\r\n").data("server", b"221 bye\r\n")
    assert labels(drawn(capture)) == [
        '"220 mail.lab"',
        '"EHLO me"',
        '"250-mail.lab"',
        '"250-SIZE 1048576"',
        '"250 HELP"',
        '"QUIT"',
        '"221 bye"',
    ]


def test_a_long_transfer_is_told_by_its_first_words() -> None:
    capture = Capture()
    connection = capture.connection(MAIL, 25).syn().accept()
    for part in (b"Subject: hello, " + b"x" * 1444, b"y" * 1460, b"the end\r\n.\r\n"):
        connection.data("client", part)
    connection.data("server", b"250 OK\r\n")
    for _ in range(3):
        connection.data("client", b"\x80\x81" * 500)
    connection.data("client", b"\x16\x03\x01\x00\x04\x01\x00\x00\x00")
    assert labels(drawn(capture)) == [
        '3 packets, 2.9 kB: "Subject: hello, xxxx…',
        '"250 OK"',
        "4 packets, 3.0 kB",
    ]


def test_data_that_is_sent_again_is_told_once() -> None:
    capture = Capture()
    connection = capture.connection(MAIL, 25).syn().accept()
    for _ in range(3):
        connection.data("client", b"NOOP\r\n")
        connection.next["client"] -= 6
    connection.next["client"] += 6
    connection.data("client", b"QUIT\r\n")
    for _ in range(2):
        connection.data("server", b"421 busy\r\n")
        connection.next["server"] -= 10
    assert labels(drawn(capture)) == [
        '"NOOP"',
        '"NOOP" again, 2 times',
        '"QUIT"',
        '"421 busy"',
        '"421 busy" again',
    ]


def test_datagrams_that_are_alike_are_told_once() -> None:
    capture = Capture()
    for payload in (b"one", b"two", b"two", b"two", b"three"):
        capture.udp((CLIENT, 5000), (MAIL, 9), payload)
    picture = drawn(capture)
    assert labels(picture, behind=0) == ['"one"', '"two", 3 times', '"three"']


def test_of_many_lines_those_of_one_side_are_folded_first() -> None:
    capture = Capture()
    connection = capture.connection(MAIL, 25).syn().accept()
    for number in range(13):
        connection.data("client", b"ping %d\r\n" % number)
        connection.data("server", b"pong\r\n").data("server", b"%d\r\n" % number)
    told = labels(drawn(capture))
    assert told[::2] == [f'"ping {number}"' for number in range(13)]
    assert told[1] == '2 packets, 9 B: "pong"'
    assert len(told) == 26


@pytest.mark.parametrize(("exchanges", "start"), [(14, 28), (40, 12), (400, 12)])
def test_of_a_long_dialogue_the_middle_is_folded(exchanges: int, start: int) -> None:
    capture = Capture()
    connection = capture.connection(MAIL, 25).syn().accept()
    for number in range(exchanges):
        connection.data("client", b"ping %d\r\n" % number)
        connection.data("server", b"pong %d\r\n" % number)
    picture = drawn(capture)
    told = labels(picture)
    words = [f'"{word} {number}"' for number in range(exchanges) for word in ("ping", "pong")]
    assert told[:start] == words[:start]
    if start < len(words):
        assert told[12].startswith(f"{2 * exchanges - 24} packets, ")
        assert told[13:] == words[-12:]
        assert picture.splitlines()[16].endswith("▶│")
    assert len(picture.splitlines()) <= 1 + ROWS_LIMIT


def test_of_many_dialogues_all_is_folded() -> None:
    capture = Capture()
    for port in range(8):
        connection = capture.connection(MAIL, 25, source_port=4000 + port).syn().accept()
        for _ in range(10):
            connection.data("client", b"ping\r\n").data("server", b"pong\r\n")
    picture = drawn(capture)
    assert picture.count("◀─ 20 packets, 120 B ─") == 8
    assert "ping" not in picture


def test_the_middle_of_a_long_story_is_left_out() -> None:
    capture = Capture()
    for port in range(1, 60):
        capture.connection(CLOSED, port, source_port=port).syn().refuse()
    lines = drawn(capture).splitlines()
    assert len(lines) == 1 + ROWS_LIMIT
    assert "SYN to port 1 ─" in lines[1]
    assert "… 80 more rows left out" in lines[26]
    assert "ConnectionRefusedError" in lines[-1]


def test_many_hosts_share_the_last_column() -> None:
    capture = Capture()
    for number in range(21, 29):
        capture.connection(f"198.18.0.{number}", 25, source_port=number).syn().refuse()
    lines = drawn(capture).splitlines()
    alone = [f"198.18.0.{number}" for number in range(21, 25)]
    assert lines[0].split() == ["ms", "client", *alone, "4", "others"]
    assert any("198.18.0.28: SYN to port 25" in line for line in lines)
    assert max(map(len, lines)) <= WIDTH


def test_every_host_that_sends_an_error_has_a_column() -> None:
    capture = Capture()
    capture.connection(CLOSED, 25).syn()
    capture.unreachable(13, "198.18.0.1", ip4(CLIENT, CLOSED, 6, tcp(40000, 25, 1000, 0, SYN)))
    capture.unreachable(1, "198.18.0.9", ip4(CLIENT, CLOSED, 6, tcp(40000, 25, 1000, 0, SYN)))
    lines = drawn(capture).splitlines()
    assert lines[0].split() == ["ms", "client", CLOSED, "198.18.0.1", "198.18.0.9"]
    assert "ICMP: administratively prohibited" in lines[2]
    assert "ICMP: host unreachable" in lines[3]
    assert lines[3].endswith("┤")


def test_an_error_of_the_own_kernel_is_a_note() -> None:
    wire = analyse(decode_all(recorded("gone")))
    picture = draw_ladder(wire, failed(), start_ns=0)
    assert "● from its own kernel, ICMP: host unreachable" in picture
    assert "├─ ARP again, 2 times, nobody answers ─" in picture


def test_nothing_on_the_wire() -> None:
    assert draw_ladder(analyse([]), failed(at_s=0.001), start_ns=START_NS) == (
        """\
      ms   client
     1.0   ✘ ConnectionRefusedError: [Errno 111] Connection refused
No packet of the client was on the wire."""
    )


def test_a_call_again_and_again_is_one_row() -> None:
    call = Call(at_s=0, event="socket.sendto", args=(MAIL, 9))
    assert "● sendto(198.18.0.13, 9) 3 times" in drawn(Capture(), failed(call, call, call))


def test_incoming_connections_come_from_the_other_host() -> None:
    capture = Capture()
    capture.ip(MAIL, CLIENT, 6, tcp(20, 6000, 1, 0, SYN))
    lines = drawn(capture).splitlines()
    assert lines[0].split() == ["ms", "client", MAIL]
    assert "◀─ SYN to port 6000 ─" in lines[1]


def test_pings_and_unknown_protocols() -> None:
    capture = Capture()
    capture.ip(CLIENT, MAIL, 1, icmp(8, 0, b""))
    capture.ip(MAIL, CLIENT, 1, icmp(0, 0, b""))
    capture.ip(CLIENT, CLOSED, 132, b"")
    picture = drawn(capture)
    assert "├─ icmp, 42 B ─" in picture
    assert "◀─ answer ─" in picture
    assert "├─ ip-132, 34 B ─" in picture


def test_hostile_text_is_harmless() -> None:
    capture = Capture()
    connection = capture.connection(MAIL, 25).syn().accept()
    connection.data("server", b"\x1b[2J\xe4\xbd\xa0 hi\r\nmore").data("server", b"")
    evil = Observation(
        outcome=Outcome.RAISED,
        exception=ExceptionInfo(type="X\x1b[31m", message="a\nb\u202e你" * 50),
        calls=(Call(at_s=0, event="socket.getaddrinfo", args=("\r\x9b你", None)),),
    )
    picture = drawn(capture, evil)
    assert picture.replace("\n", "").isprintable()
    assert "你" not in picture
    assert max(map(len, picture.splitlines())) <= WIDTH
    assert "✘ X\\x1b[31m: a\\nb\\u202e\\u4f60a" in picture
    assert 'getaddrinfo("\\r\\x9b\\u4f60", None)' in picture


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        (Outcome.EXITED, "left without a report"),
        (Outcome.KILLED, "killed"),
        (Outcome.OUT_OF_MEMORY, "killed: out of memory"),
        (Outcome.TIMED_OUT, "still running when its time was up"),
        (Outcome.GARBLED, "left something that is not a report"),
    ],
)
def test_clients_that_left_no_exception(outcome: Outcome, text: str) -> None:
    assert f"✘ {text}" in drawn(Capture(), Observation(outcome=outcome))


@pytest.mark.parametrize("name", NAMES)
def test_pictures_of_recorded_captures_fit(name: str) -> None:
    wire = analyse(decode_all(recorded(name)), names=NAMES_GIVEN)
    lines = draw_ladder(wire, failed(), start_ns=wire.packets[0].at_ns).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert len(lines) <= ROWS_LIMIT
    drawings = [line for line in lines if "▶" in line or "◀" in line]
    assert all(line.count("│") + line.count("├") + line.count("┤") >= 2 for line in drawings)


def test_unanswered_arp_is_drawn() -> None:
    capture = Capture()
    capture.frame(arp(CLIENT, CLOSED), "out")
    assert f"├─ ARP: who has {CLOSED}? ─" in drawn(capture)
