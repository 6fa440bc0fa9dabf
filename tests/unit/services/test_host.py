"""Programs that share a host: each has its address, its commands and its name on what it says."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from labctl.model.messages import (
    GO,
    Event,
    Lifeline,
    Program,
    Variable,
    decode_event,
    from_program,
    host_programs,
    sync_request,
    to_program,
)
from tests.unit.services.program import LIMIT_S, free_port

FIRST, SECOND = "127.0.0.2", "127.0.0.3"
CLOSED = {"closed": Program(command=("script",), environment={})}
_SHARE = """
import os
from labctl.services import events

turn = os.memfd_create("turn")
for name in ("a", "b", "c"):
    if os.fork() == 0:
        events.speak_for(name, turn)
        for number in range(100):
            events.emit("x", text=name * 4096, more=name * 4096, number=number)
        os._exit(0)
for _ in range(3):
    os.wait()
"""


def script(ports: str, address: str = FIRST) -> Program:
    environment = {Variable.PORTS.value: ports, Variable.ADDRESS.value: address}
    return Program(command=("script",), environment=environment)


class Host:
    """A running host."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def say(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    def said(self) -> tuple[str, Event]:
        assert self.process.stdout
        service, line = from_program(self.process.stdout.readline())
        event = decode_event(line)
        assert event, line
        return service, event

    def until(self, *wanted: tuple[str, str]) -> list[tuple[str, Event]]:
        """What is said until each of these events of these services was."""
        said: list[tuple[str, Event]] = []
        while {*wanted} - {(service, event.event) for service, event in said}:
            said.append(self.said())
        return said


@contextmanager
def hosting(programs: Mapping[str, Program], *, lifeline: str = Lifeline.CUT) -> Iterator[Host]:
    """A host with these programs, to which nobody has said `go` yet."""
    variables: dict[str, str] = {
        Variable.PROGRAMS: host_programs(programs),
        Variable.LIFELINE: lifeline,
    }
    with subprocess.Popen(
        [sys.executable, "-m", "labctl.services", "host"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **variables},
        start_new_session=True,
    ) as process:
        try:
            yield Host(process)
        finally:
            # In a lab, the kernel ends the programs with the first process of the container.
            os.killpg(process.pid, signal.SIGKILL)


def children(process: int) -> list[int]:
    """The processes that a process has started."""
    return [
        int(pid)
        for pid in Path(f"/proc/{process}/task/{process}/children").read_text("ascii").split()
    ]


def test_two_programs_serve_the_same_port_at_their_own_addresses() -> None:
    port = free_port()
    programs = {
        "first": script(f'{port}: [{{send: "one"}}, close]'),
        "second": script(f'{port}: [{{send: "two"}}, close]', SECOND),
    }
    with hosting(programs) as host:
        host.say(GO)
        host.until(("", "ready"), ("first", "ready"), ("second", "ready"))
        for address, sends in ((FIRST, b"one"), (SECOND, b"two")):
            with socket.create_connection((address, port), timeout=LIMIT_S) as client:
                assert client.recv(9) == sends
        host.say(to_program("first", sync_request("f", FIRST)))
        host.say(to_program("second", sync_request("s", SECOND)))
        said = host.until(("first", "synced"), ("second", "synced"))
        connects = [(service, event.detail) for service, event in said if event.event == "connect"]
        assert sorted(connects, key=str) == [
            ("first", {"port": port}),
            ("second", {"port": port}),
        ]
        for service, token in (("first", "f"), ("second", "s")):
            [synced] = [e for name, e in said if (name, e.event) == (service, "synced")]
            assert synced.is_sync(token)
            assert synced.processor_times.cpu_s > 0


def test_one_that_ends_says_why_and_the_others_go_on() -> None:
    port = free_port()
    programs = {"wrong": script("5: [explode]"), "right": script(f"{port}: [close]")}
    with hosting(programs) as host:
        host.say(GO)
        said = host.until(("", "ended"), ("right", "ready"))
        errors = [event.error for service, event in said if service == "wrong"]
        assert len(errors) == 1
        assert errors[0].startswith("LAB_PORTS: port 5: step 1: ")
        [(_, ended)] = [one for one in said if one[1].event == "ended"]
        assert (ended.ended, ended.exit_code) == ("wrong", 1)
        host.say(to_program("wrong", sync_request("w", FIRST)))
        host.say(to_program("right", sync_request("r", FIRST)))
        host.until(("right", "synced"))


@pytest.mark.parametrize(
    ("program", "says"),
    [
        (Program(command=("explode",), environment={}), "no service is called 'explode'"),
        (Program(command=(), environment={}), "no service is called ''"),
        (Program(command=("mail",), environment={"LAB_ADDRESS": "no"}), "gaierror"),
    ],
)
def test_what_a_program_ends_with_is_told(program: Program, says: str) -> None:
    with hosting({"odd": program}) as host:
        host.say(GO)
        said = host.until(("", "ended"))
    assert any(says in event.error for _, event in said)
    assert [event.exit_code for _, event in said if event.event == "ended"] == [1]


def test_nothing_is_said_before_go() -> None:
    with hosting(CLOSED) as host:
        assert host.process.stdout
        assert not select.select([host.process.stdout], [], [], 0.5)[0]
        host.say(GO)
        host.until(("", "ready"), ("closed", "ready"))


def test_a_host_without_programs_is_ready_and_stays() -> None:
    with hosting({}) as host:
        host.say(GO)
        assert [(service, event.event) for service, event in [host.said()]] == [("", "ready")]
        with pytest.raises(subprocess.TimeoutExpired):
            host.process.wait(0.3)


@pytest.mark.parametrize("lifeline", [Lifeline.CUT, Lifeline.KEEP])
def test_a_host_ends_with_labctl_unless_it_is_kept(lifeline: Lifeline) -> None:
    with hosting(CLOSED, lifeline=lifeline) as host:
        host.say(GO)
        host.until(("", "ready"), ("closed", "ready"))
        assert len(children(host.process.pid)) == 1
        assert host.process.stdin
        host.process.stdin.close()
        if lifeline is Lifeline.CUT:
            assert host.process.wait(LIMIT_S) == 0
        else:
            with pytest.raises(subprocess.TimeoutExpired):
                host.process.wait(0.5)


def test_long_lines_of_several_programs_stay_whole() -> None:
    """Control: the file that they take turns by. Without it, lines are mixed."""
    done = subprocess.run([sys.executable, "-c", _SHARE], capture_output=True, check=True)
    said: dict[str, list[Mapping[str, object]]] = {}
    for line in done.stdout.splitlines():
        service, event = from_program(line)
        said.setdefault(service, []).append(json.loads(event)["detail"])
    assert {name: [one["number"] for one in lines] for name, lines in said.items()} == {
        name: [*range(100)] for name in "abc"
    }
    assert all(one["text"] == name * 4096 for name, lines in said.items() for one in lines)
