"""What ties a program of the lab image to labctl: its stdin."""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import subprocess
import sys

import pytest

from tests.unit.services.program import LIMIT_S, running, started

ROUNDS = 100
"""Clients that come and go, each with a `sync` behind it."""


def test_nothing_is_said_before_go() -> None:
    with started("script") as program:
        assert program.process.stdout
        assert not select.select([program.process.stdout], [], [], 0.5)[0]
        program.say("go")
        assert program.event()["event"] == "ready"


def test_a_program_ends_with_the_labctl_that_started_it() -> None:
    with running("script") as program:
        assert program.hang_up() == 0
    with running("dns") as program:
        assert program.hang_up() == 0


def test_one_that_is_to_be_kept_stays() -> None:
    with running("script", lifeline="keep") as program:
        assert program.process.stdin
        program.process.stdin.close()
        with pytest.raises(subprocess.TimeoutExpired):
            program.process.wait(0.5)


def test_started_by_hand_it_waits_for_nobody() -> None:
    with started("script", lifeline="") as program:
        assert program.event()["event"] == "ready"
        assert program.process.stdin
        program.process.stdin.close()
        with pytest.raises(subprocess.TimeoutExpired):
            program.process.wait(0.5)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_at_once(number: signal.Signals) -> None:
    with running("script") as program:
        os.kill(program.process.pid, number)
        assert program.process.wait(LIMIT_S) == 0


def test_a_program_without_events_answers_with_the_word() -> None:
    with running("script") as program:
        assert program.until_synced("a-1") == []
        program.say("what is this")
        assert program.until_synced("a-2") == []


def test_all_of_a_client_that_has_gone_is_said_before_the_answer() -> None:
    with running("mail") as program:
        for number in range(ROUNDS):
            with socket.create_connection(("127.0.0.1", program.port), timeout=5) as sock:
                sock.recv(100)
            events = program.until_synced(f"w-{number}")
            assert [event["event"] for event in events] == ["connect", "disconnect"]


def test_so_is_all_of_one_that_broke_off() -> None:
    with running("mail") as program:
        for number in range(ROUNDS):
            with socket.create_connection(("127.0.0.1", program.port), timeout=5) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            events = program.until_synced(f"w-{number}")
            assert [event["event"] for event in events] == ["connect", "disconnect"]


def test_so_is_a_datagram_that_was_sent() -> None:
    with (
        running("dns", LAB_ZONE="a.lab=198.18.0.3") as program,
        socket.socket(type=socket.SOCK_DGRAM) as sock,
    ):
        for number in range(ROUNDS):
            sock.sendto(b"?", ("127.0.0.1", program.port))
            events = program.until_synced(f"w-{number}")
            assert [event["event"] for event in events] == ["garbage"]


def test_so_is_all_of_many_at_once() -> None:
    with running("mail") as program:
        for number in range(3):
            address = ("127.0.0.1", program.port)
            socks = [socket.create_connection(address, timeout=5) for _ in range(60)]
            for sock in socks:
                sock.close()
            names = [event["event"] for event in program.until_synced(f"w-{number}")]
            assert (names.count("connect"), names.count("disconnect")) == (60, 60)


def test_only_the_programs_there_are_can_be_started() -> None:
    command = [sys.executable, "-m", "labctl.services", "lifeline"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "no service is called 'lifeline'; there are dns, features, mail, script, tap\n"
    )
