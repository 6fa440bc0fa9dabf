"""Scripted servers on ports of their own, and what clients of theirs meet."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.unit.services.program import Program, free_port, running


@contextmanager
def serving(steps: str, *, kind: str = "", **env: str) -> Iterator[tuple[Program, int]]:
    """A program with one port that does these steps; `kind` is "" or "/udp"."""
    port = free_port()
    with running("script", LAB_PORTS=f"{port}{kind}: {steps}", **env) as program:
        yield program, port


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def until_end(sock: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    return b"".join(iter(lambda: sock.recv(65536), b""))


def said(program: Program, word: str = "w") -> list[tuple[str, dict[str, Any]]]:
    """Name and detail of each event so far, without that of the port."""
    return [
        (event["event"], {k: v for k, v in event["detail"].items() if k != "port"})
        for event in program.until_synced(word)
    ]
