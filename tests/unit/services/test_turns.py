"""`turns`: each connection of a client meets the next list of steps, until its attempt ends."""

from __future__ import annotations

import socket

import pytest

from labctl.services import ports
from labctl.services.ports import Turns
from labctl.services.settings import WrongScript
from tests.unit.services.program import Program, free_port, running
from tests.unit.services.scripted import connect, said, serving, until_end

THREE = '{turns: [[{send: "1"}], [{send: "2"}], [{send: "3"}]]}'


def met(port: int, source: str = "127.0.0.1") -> bytes:
    """What a connection from that address of this machine is sent."""
    address = ("127.0.0.1", port)
    with socket.create_connection(address, timeout=5, source_address=(source, 0)) as sock:
        return until_end(sock)


def forget(program: Program, word: str, address: str) -> None:
    program.say(f"sync {word} {address}")
    while (event := program.event())["event"] != "synced":
        pass
    assert event["detail"]["token"] == word


def test_the_first_the_second_and_the_last_for_all_that_follow() -> None:
    with serving(THREE) as (_, port):
        assert [met(port) for _ in range(5)] == [b"1", b"2", b"3", b"3", b"3"]


def test_another_client_has_turns_of_its_own() -> None:
    with serving(THREE) as (_, port):
        assert [met(port), met(port)] == [b"1", b"2"]
        assert [met(port, "127.0.0.2"), met(port, "127.0.0.2")] == [b"1", b"2"]
        assert met(port) == b"3"


def test_another_port_too() -> None:
    one, other = free_port(), free_port()
    with running("script", LAB_PORTS=f"{one}: {THREE}\n{other}: {THREE}"):
        assert [met(one), met(other), met(one), met(other)] == [b"1", b"1", b"2", b"2"]


def test_turns_count_from_when_a_connection_was_made() -> None:
    with serving('{turns: [[hold], [{send: "2"}]]}') as (_, port), connect(port):
        assert met(port) == b"2"


def test_a_turn_may_end_as_any_script_does() -> None:
    with serving("{turns: [[reset], [{dialogue: smtp}]]}") as (program, port):
        with pytest.raises(ConnectionResetError), connect(port) as sock:
            sock.recv(1)
        with connect(port) as sock:
            assert sock.recv(100).startswith(b"220 ")
        names = [name for name, _ in said(program)]
        assert names == ["connect", "disconnect", "connect", "disconnect"]


def test_at_the_end_of_an_attempt_its_client_is_forgotten_and_no_other() -> None:
    with serving(THREE) as (program, port):
        assert [met(port), met(port)] == [b"1", b"2"]
        assert [met(port, "127.0.0.2"), met(port, "127.0.0.2")] == [b"1", b"2"]
        forget(program, "w1", "127.0.0.1")
        assert met(port) == b"1"
        assert met(port, "127.0.0.2") == b"3"


@pytest.mark.parametrize("address", ["", "127.0.0.3", "nobody", "127.0.0.1 more"])
def test_who_is_not_named_is_not_forgotten(address: str) -> None:
    with serving(THREE) as (program, port):
        assert met(port) == b"1"
        forget(program, "w1", address)
        assert met(port) == b"2"


def test_a_program_that_remembers_nobody_takes_the_address_too() -> None:
    with running("mail") as program:
        forget(program, "w1", "127.0.0.1")
    with running("script") as program:
        forget(program, "w1", "127.0.0.1")


def test_the_count() -> None:
    turns = Turns()
    assert [turns.take("a", 1), turns.take("a", 1), turns.take("a", 2)] == [0, 1, 0]
    assert turns.take("b", 1) == 0
    turns.forget("a")
    assert [turns.take("a", 1), turns.take("a", 2), turns.take("b", 1)] == [0, 0, 1]
    turns.forget("nobody")


LISTS = "turns: must be a list of lists of steps"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("{turns: []}", LISTS),
        ("{turns: }", LISTS),
        ("{turns: hold}", LISTS),
        ("{turns: {a: b}}", LISTS),
        ("{}", LISTS),
        ("{trns: [[hold]]}", "there is no 'trns'; there are turns"),
        ("{turns: [[hold]], more: 1}", "there is no 'more'; there are turns"),
        ("{turns: [hold]}", "turn 1: must be a list of steps, not 'hold'"),
        ("{turns: [[hold], [reed]]}", "turn 2: step 1: "),
        ("{turns: [[never-accept]]}", "turn 1: step 1: "),
    ],
)
def test_wrong_scripts_say_where(script: str, message: str) -> None:
    with pytest.raises(WrongScript) as caught:
        ports.parse(f"2001: {script}")
    assert str(caught.value).startswith(f"port 2001: {message}")


def test_datagrams_have_no_turns() -> None:
    with pytest.raises(WrongScript, match=r"port 53/udp: on UDP, must be"):
        ports.parse("53/udp: {turns: [[hold]]}")
