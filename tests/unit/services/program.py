"""The programs of the lab image as processes, on a pipe as labctl has them, on other ports."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from labctl.model.messages import GO, Lifeline, Variable, sync_request

LIMIT_S = 20
"""How long a program may take to end."""
_START = """
import importlib, sys
from labctl.services import lifeline
name, port = sys.argv[1:]
lifeline.wait_for_go()
program = importlib.import_module(f"labctl.services.{name}")
program.PORT = int(port)
program.main()
"""


@dataclass(frozen=True)
class Program:
    """A running one. Its events come line by line; `port` is where it listens."""

    process: subprocess.Popen[str]
    port: int

    def say(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def event(self) -> dict[str, Any]:
        assert self.process.stdout
        event: dict[str, Any] = json.loads(self.process.stdout.readline())
        return event

    def until_synced(self, word: str) -> list[dict[str, Any]]:
        """All events up to the answer to a `sync`."""
        self.say(sync_request(word, "").rstrip())
        return list(self._until(word))

    def _until(self, word: str) -> Iterator[dict[str, Any]]:
        while (event := self.event())["event"] != "synced":
            yield event
        assert event["detail"]["token"] == word
        assert event["detail"].keys() == {"token", "cpu_s", "waited_s"}
        assert event["peer"] == ""

    def hang_up(self) -> int:
        """Close its stdin, as labctl does when it ends; returns its exit code."""
        assert self.process.stdin
        self.process.stdin.close()
        return self.process.wait(LIMIT_S)


@contextmanager
def running(name: str, *, lifeline: str = Lifeline.CUT, **env: str) -> Iterator[Program]:
    """A program that has said `ready`; it is gone afterwards."""
    with started(name, lifeline=lifeline, **env) as program:
        program.say(GO)
        assert program.event()["event"] == "ready"
        yield program


@contextmanager
def started(name: str, *, lifeline: str = Lifeline.CUT, **env: str) -> Iterator[Program]:
    """A program to which nobody has said `go` yet."""
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-c", _START, name, str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **env, Variable.LIFELINE: lifeline},
    ) as process:
        try:
            yield Program(process, port)
        finally:
            process.kill()


def free_port() -> int:
    """A port that nobody has now, neither of TCP nor of UDP."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("", 0))
            port: int = tcp.getsockname()[1]
            try:
                udp.bind(("", port))
            except OSError:
                continue
            return port
