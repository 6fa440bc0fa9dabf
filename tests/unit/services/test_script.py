"""What each step of a script does to a client, and what the service says of it."""

from __future__ import annotations

import socket
import struct
import time

import pytest

from labctl.services import ports
from labctl.services.settings import WrongScript
from tests.unit.services.program import free_port, running, started
from tests.unit.services.scripted import connect, said, serving, until_end

CONNECT: tuple[str, dict[str, object]] = ("connect", {})
BY_SERVER = ("disconnect", {"by": "server"})
BY_CLIENT = ("disconnect", {"by": "client"})


def read(size: int, text: str) -> tuple[str, dict[str, object]]:
    return "read", {"size": size, "text": text}


def test_a_connection_names_its_port_and_its_peer() -> None:
    with serving("[close]") as (program, port), connect(port) as sock:
        own = sock.getsockname()
        assert until_end(sock) == b""
        sock.close()
        events = program.until_synced("w")
        assert [(event["peer"], event["event"], event["detail"]) for event in events] == [
            (f"127.0.0.1:{own[1]}", "connect", {"port": port}),
            (f"127.0.0.1:{own[1]}", "disconnect", {"by": "server"}),
        ]


def test_send_and_close_deliver_all_even_with_unread_input() -> None:
    steps = '[{wait: 0.02}, {send: "bye\\r\\n\\xff"}, {send: {text: ab, times: 2000000}}, close]'
    with serving(steps) as (program, port):
        for number in range(5):
            with connect(port) as sock:
                sock.sendall(b"never read by any step")
                time.sleep(0.1)
                assert until_end(sock) == b"bye\r\n\xff" + b"ab" * 2000000
            assert said(program, str(number)) == [CONNECT, BY_SERVER]


def test_a_script_that_has_no_end_closes() -> None:
    with serving("[{send: hello}]") as (program, port):
        with connect(port) as sock:
            assert until_end(sock) == b"hello"
        assert said(program) == [CONNECT, BY_SERVER]


@pytest.mark.parametrize(
    ("step", "size", "text", "rest"),
    [
        ("{read: 4}", 4, "one", b"two\nthree\n"),
        ("{read: line}", 4, "one", b"two\nthree\n"),
        ('{read: {until: "o\\nth"}}', 10, "one", b"ree\n"),
    ],
)
def test_reading_takes_what_it_says_and_no_more(
    step: str, size: int, text: str, rest: bytes
) -> None:
    with serving(f"[{step}, {{send: ok}}, {{read: all}}, {{send: done}}]") as (program, port):
        with connect(port) as sock:
            sock.sendall(b"one\ntwo\nthree\n")
            assert sock.recv(2) == b"ok"
            sock.shutdown(socket.SHUT_WR)
            assert until_end(sock) == b"done"
        first = rest.partition(b"\n")[0].decode()
        assert said(program) == [CONNECT, read(size, text), read(len(rest), first), BY_SERVER]


def test_a_delimiter_may_come_in_parts() -> None:
    with serving('[{read: {until: "--END--"}}, {send: ok}]') as (program, port):
        with connect(port) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in b"a--E--END--":
                sock.send(bytes([byte]))
                time.sleep(0.005)
            assert until_end(sock) == b"ok"
        assert said(program) == [CONNECT, read(11, "a--E--END--"), BY_SERVER]


def test_what_is_kept_of_a_long_line_is_bounded() -> None:
    with serving("[{read: line}, {send: ok}]") as (program, port):
        with connect(port) as sock:
            sock.sendall(b"x" * 1_000_000 + b"\n")
            assert until_end(sock) == b"ok"
        assert said(program) == [CONNECT, read(1_000_001, "x" * 4096), BY_SERVER]


def test_a_client_that_goes_while_it_is_read_ends_the_script() -> None:
    with serving("[{read: line}, {send: never}]") as (program, port):
        with connect(port) as sock:
            sock.sendall(b"no end")
        assert said(program) == [CONNECT, BY_CLIENT]


def test_unread_input_makes_an_abort_a_reset_and_none_makes_it_a_fin() -> None:
    with serving("[{read: 1}, abort]") as (program, port):
        with connect(port) as sock:
            sock.sendall(b"12")
            with pytest.raises(ConnectionResetError):
                sock.recv(1)
        with connect(port) as sock:
            sock.sendall(b"1")
            assert sock.recv(1) == b""
            sock.sendall(b"2")
            time.sleep(0.05)
            with pytest.raises(BrokenPipeError):
                sock.sendall(b"3")
        assert said(program) == [CONNECT, read(1, "1"), BY_SERVER] * 2


def test_reset_discards_nothing_that_was_asked_for() -> None:
    with serving("[{read: 2}, reset]") as (program, port):
        with connect(port) as sock:
            sock.sendall(b"12")
            with pytest.raises(ConnectionResetError):
                sock.recv(1)
        assert said(program) == [CONNECT, read(2, "12"), BY_SERVER]


def test_hold_reads_and_says_nothing_until_the_client_goes() -> None:
    with serving("[hold]") as (program, port):
        with connect(port) as sock:
            sock.settimeout(0.2)
            with pytest.raises(TimeoutError):
                sock.recv(1)
            sock.settimeout(5)
            sock.sendall(b"x" * 20_000_000)
            assert said(program, "open") == [CONNECT]
        assert said(program, "gone") == [BY_CLIENT]


def test_stop_reading_blocks_a_client_that_writes() -> None:
    """Its FIN waits behind what it could not send, so that nobody hears of its end."""
    with serving("[stop-reading]") as (program, port):
        with connect(port) as sock:
            sock.settimeout(0.3)
            with pytest.raises(TimeoutError):
                sock.sendall(b"x" * 20_000_000)
        assert said(program) == [CONNECT]


@pytest.mark.parametrize(
    "steps", ["[{wait: 60}, {send: late}]", "[{drip: {text: ab, every: 60}}]", "[stop-reading]"]
)
@pytest.mark.parametrize("linger", [None, struct.pack("ii", 1, 0)])
def test_a_client_that_goes_ends_what_waits(steps: str, linger: bytes | None) -> None:
    with serving(steps) as (program, port):
        for number in range(20):
            with connect(port) as sock:
                sock.sendall(b"unread")
                if linger:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            assert said(program, str(number)) == [CONNECT, BY_CLIENT]


def test_a_client_may_close_its_side_and_wait_for_the_answer() -> None:
    with serving("[{read: all}, {wait: 0.02}, {send: ok}]") as (program, port):
        for number in range(50):
            with connect(port) as sock:
                sock.sendall(b"all of it")
                sock.shutdown(socket.SHUT_WR)
                assert until_end(sock) == b"ok"
            assert said(program, str(number)) == [CONNECT, read(9, "all of it"), BY_SERVER]


def test_wait_and_drip_take_their_time() -> None:
    with serving("[{wait: 0.2}, {drip: {text: abc, every: 0.1}}]") as (_, port):
        began = time.monotonic()
        with connect(port) as sock:
            came = [sock.recv(10) for _ in range(4)]
        assert came == [b"a", b"b", b"c", b""]
        assert 0.4 <= time.monotonic() - began < 2


def test_shut_closes_one_side_only() -> None:
    with serving("[{send: half}, shut, {read: line}, reset]") as (program, port):
        with connect(port) as sock:
            assert until_end(sock) == b"half"
            sock.sendall(b"still heard\n")
            sock.sendall(b"x")
            time.sleep(0.05)
            with pytest.raises(BrokenPipeError):
                sock.sendall(b"x")
        assert said(program) == [CONNECT, read(12, "still heard"), BY_SERVER]


def test_a_port_that_never_accepts_leaves_every_client_waiting() -> None:
    with serving("[never-accept]") as (program, port):
        for _ in range(2):
            with pytest.raises(TimeoutError):
                socket.create_connection(("127.0.0.1", port), timeout=0.3)
        assert said(program) == []


def test_datagrams() -> None:
    with (
        serving("[{send: pong}]", kind="/udp") as (program, port),
        socket.socket(type=socket.SOCK_DGRAM) as sock,
    ):
        sock.settimeout(5)
        sock.sendto(b"ping", ("127.0.0.1", port))
        assert sock.recv(10) == b"pong"
        assert said(program) == [("datagram", {"size": 4, "text": "ping"})]


def test_datagrams_without_an_answer() -> None:
    with (
        serving("[hold]", kind="/udp") as (program, port),
        socket.socket(type=socket.SOCK_DGRAM) as sock,
    ):
        sock.settimeout(0.2)
        sock.sendto(b"x" * 1000, ("127.0.0.1", port))
        assert said(program) == [("datagram", {"size": 1000, "text": "x" * 200})]
        with pytest.raises(TimeoutError):
            sock.recv(10)


def test_many_at_once_meet_the_same_and_all_is_said_of_them() -> None:
    with serving("[{read: 2}, {send: ok}, close]") as (program, port):
        for number in range(5):
            socks = [connect(port) for _ in range(60)]
            for sock in socks:
                sock.sendall(b"hi")
            assert {until_end(sock) for sock in socks} == {b"ok"}
            for sock in socks:
                sock.close()
            names = [name for name, _ in said(program, str(number))]
            assert [names.count(n) for n in ("connect", "read", "disconnect")] == [60, 60, 60]


def test_connections_at_once_are_bounded() -> None:
    with serving("[hold]") as (program, port):
        socks = [connect(port) for _ in range(ports.MOST + 8)]
        assert all(sock.recv(1) == b"" for sock in socks[:8])
        assert said(program, "a") == [CONNECT] * (ports.MOST + 8)
        for sock in socks:
            sock.close()
        assert said(program, "b") == [BY_CLIENT] * ports.MOST


def test_a_connection_whose_end_is_never_heard_of_ends_without_a_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LAB_LONGEST_S", "0.2")
    with serving("[hold]") as (program, port), connect(port) as sock:
        assert sock.recv(1) == b""
        assert said(program) == [CONNECT]


def test_without_ports_it_listens_nowhere() -> None:
    with running("script") as program:
        assert said(program) == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("2001: [{read: 1}, rest]", "port 2001: step 2: there is no step 'rest'; there are hold, "),
        ("2001: close", "port 2001: must be a list of steps, not 'close'"),
        ("2001: [no]", "port 2001: step 1: there is no step False; there are hold, "),
        ("2001: [[close]]", "port 2001: step 1: there is no step ['close']; there are hold, "),
        ("2001: [{wait: 1, send: a}]", "port 2001: step 1: wait is one step, and send another"),
        (
            "2001: [{wait: soon}]",
            "port 2001: step 1: wait: must be a number of seconds, ",
        ),
        ("2001: [{send: 554}]", "port 2001: step 1: send: must be text (in quotes, if YAML reads "),
        (
            "2001: [{send: {txt: a}}]",
            "port 2001: step 1: send: there is no 'txt'; there are",
        ),
        (
            "2001: [{send: {text: ab, times: 99999999}}]",
            "port 2001: step 1: send: times: must be a whole number from 0 to 8388608",
        ),
        ("2001: [{read: -1}]", "port 2001: step 1: read: must be a whole number from 0 to "),
        ("2001: [{read: much}]", "port 2001: step 1: read: must be a number of bytes, line, all "),
        ('2001: [{read: {until: ""}}]', "port 2001: step 1: read: until: must not be empty"),
        ("2001: [{drip: {text: a}}]", "port 2001: step 1: drip: every: must be a number of sec"),
        ("2001: [{dialogue: nntp}]", "port 2001: step 1: dialogue: must be one of smtp, ftp, "),
        (
            "2001: [{dialogue: smtp, RCPT: {bob: [halt]}}]",
            "port 2001: step 1: RCPT: bob: step 1: there is no step 'halt'; there are ",
        ),
        (
            "2001: [{dialogue: smtp, rcpt: no}]",
            "port 2001: step 1: rcpt: must be greeting, other, or a verb in capital letters",
        ),
        ("2001/udp: [close]", "port 2001/udp: must be a mapping, not 'close'"),
        ("2001/udp: [{wait: 1}]", "port 2001/udp: on UDP, must be [{send: TEXT}] or [hold]"),
        ("70000: [close]", "port 70000: must be a number up to 65535, or NUMBER/udp"),
        ("2001/sctp: [close]", "port 2001/sctp: must be a number up to 65535, or NUMBER/udp"),
        ("2001: [close]\n2001: [hold]", "line 1: 2001 is there twice"),
        ("2001: [", "line 1: expected the node content, but found '<stream end>'"),
        ("[close]", "must be a mapping, not ['close']"),
        ("2001: ['\0']", "unacceptable character #x0000: special characters are not allowed"),
    ],
)
def test_wrong_scripts_are_told_by_port_and_step(text: str, wrong: str) -> None:
    with pytest.raises(WrongScript) as caught:
        ports.parse(text)
    assert str(caught.value)[: len(wrong)] == wrong


def test_a_wrong_script_ends_the_service_with_one_line(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with started("script", LAB_PORTS=f"{free_port()}: [{{read: 1}}, rest]") as program:
        program.say("go")
        assert program.process.wait(20) == 1
    said = capfd.readouterr().err
    assert said.startswith("LAB_PORTS: port ")
    assert ": step 2: there is no step 'rest'; there are hold, " in said
    assert said.count("\n") == 1
