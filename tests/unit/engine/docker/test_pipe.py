"""The pipe of Docker Desktop on Windows, as the SDK has it: its errors are of a package there."""

from __future__ import annotations

import socket
import sys
import threading
import time
import types
from collections.abc import Iterator

import pytest

from labctl.engine.docker.connect import connect, sdk_errors
from labctl.engine.docker.stream import DockerStream
from labctl.engine.runtime import doing
from labctl.errors import EngineError
from tests.unit.engine.docker.test_stream import frame, soon

BROKEN, DENIED, MISSING = 109, 5, 2


class PipeError(Exception):
    """Like pywintypes.error."""

    def __init__(self, winerror: int) -> None:
        super().__init__(winerror, "ReadFile", "in words")
        self.winerror = winerror


class NpipeSocket:
    """Like the SDK's class of this name, over a socket."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.closed = False

    def settimeout(self, seconds: float | None) -> None:
        self.sock.settimeout(seconds)

    def recv_into(self, buffer: bytearray) -> int:
        if self.closed:
            raise RuntimeError("Can not reuse socket after connection was closed.")
        number = self.sock.recv_into(buffer)
        if not number:
            raise PipeError(BROKEN)
        return number

    def send(self, data: bytes) -> int:
        try:
            return self.sock.send(data[:2])
        except OSError:
            raise PipeError(BROKEN) from None

    def close(self) -> None:
        self.closed = True
        if self.sock.fileno() >= 0:
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


@pytest.fixture(autouse=True)
def _package(monkeypatch: pytest.MonkeyPatch) -> None:
    package = types.ModuleType("pywintypes")
    vars(package)["error"] = PipeError
    monkeypatch.setitem(sys.modules, "pywintypes", package)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, DockerStream]]:
    theirs, ours = socket.socketpair()
    with theirs:
        attached = DockerStream(NpipeSocket(ours))
        yield theirs, attached
        attached.close()


def test_lines_go_both_ways_until_the_end(pair: tuple[socket.socket, DockerStream]) -> None:
    theirs, attached = pair
    theirs.sendall(frame(1, b"one\n"))
    assert attached.read_line(deadline=soon()) == b"one\n"
    attached.send_line("to the container")
    assert theirs.recv(17, socket.MSG_WAITALL) == b"to the container\n"
    theirs.close()
    assert attached.read(limit=9, deadline=soon()) == b""


def test_a_deadline_counts(pair: tuple[socket.socket, DockerStream]) -> None:
    with pytest.raises(TimeoutError):
        pair[1].read_line(deadline=time.monotonic() + 0.1)


def test_closing_ends_a_reader(pair: tuple[socket.socket, DockerStream]) -> None:
    closing = threading.Timer(0.1, pair[1].close)
    closing.start()
    assert pair[1].read(limit=9, deadline=None) == b""
    closing.join()
    assert pair[1].read(limit=9, deadline=soon()) == b""


def test_writing_to_what_has_ended_is_an_os_error(
    pair: tuple[socket.socket, DockerStream],
) -> None:
    pair[0].close()
    with pytest.raises(OSError, match="109"):
        pair[1].send_line("late")


def test_what_the_package_raises_becomes_an_engine_error() -> None:
    with pytest.raises(EngineError, match=r"^doing it: "), doing("doing it"), sdk_errors():
        raise PipeError(DENIED)


def test_a_pipe_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise PipeError(MISSING)

    monkeypatch.setattr("docker.APIClient.__init__", missing)
    monkeypatch.setenv("DOCKER_HOST", "npipe:////./pipe/docker_engine")
    with pytest.raises(EngineError) as caught:
        connect()
    where = "npipe:////./pipe/docker_engine"
    assert caught.value.message == f"no Docker engine answers at {where}"
