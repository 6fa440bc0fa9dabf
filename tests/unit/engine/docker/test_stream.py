"""The framing of attached streams, over a real socket pair."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest

from labctl.engine.docker.stream import DockerStream
from labctl.errors import EngineError


def frame(stream: int, data: bytes) -> bytes:
    return struct.pack(">BxxxL", stream, len(data)) + data


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, DockerStream]]:
    theirs, ours = socket.socketpair()
    attached = DockerStream(ours)
    yield theirs, attached
    attached.close()
    theirs.close()


def soon() -> float:
    return time.monotonic() + 5


def test_read_joins_stdout_and_keeps_stderr_apart(pair: tuple[socket.socket, DockerStream]) -> None:
    theirs, attached = pair
    theirs.sendall(frame(1, b"one ") + frame(2, b"oops\n") + frame(1, b"two"))
    theirs.close()
    assert attached.read(limit=100, deadline=soon()) == b"one two"
    assert list(attached.tail) == ["oops"]


def test_read_keeps_no_more_than_the_limit_and_goes_on_to_the_end(
    pair: tuple[socket.socket, DockerStream],
) -> None:
    theirs, attached = pair

    def send() -> None:
        theirs.sendall(frame(1, b"x" * 10**6))
        theirs.close()

    sender = threading.Thread(target=send)
    sender.start()
    assert attached.read(limit=10, deadline=soon()) == b"x" * 10
    sender.join()


def test_read_gives_up_at_the_deadline(pair: tuple[socket.socket, DockerStream]) -> None:
    _theirs, attached = pair
    with pytest.raises(TimeoutError):
        attached.read(limit=10, deadline=time.monotonic() + 0.01)


@pytest.mark.parametrize("cut", [struct.pack(">BxxxL", 1, 50) + b"half", b"\1\0\0"])
def test_a_frame_cut_short_is_no_end_but_a_broken_connection(
    pair: tuple[socket.socket, DockerStream], cut: bytes
) -> None:
    theirs, attached = pair
    theirs.sendall(frame(1, b"whole") + cut)
    theirs.close()
    with pytest.raises(EngineError, match="connection to a container broke off"):
        attached.read(limit=100, deadline=soon())


def test_lines_come_whole_across_frames_and_long_ones_are_cut(
    pair: tuple[socket.socket, DockerStream],
) -> None:
    theirs, attached = pair
    theirs.sendall(frame(1, b"first li") + frame(1, b"ne\nsecond\n") + frame(1, b"y" * 50))
    theirs.close()
    assert list(attached.lines(limit=20)) == [b"first line", b"second", b"y" * 20]


def test_read_line_returns_at_the_line_end(pair: tuple[socket.socket, DockerStream]) -> None:
    theirs, attached = pair
    theirs.sendall(frame(1, b'{"event": "rea') + frame(1, b'dy"}\n'))
    assert attached.read_line(deadline=soon()) == b'{"event": "ready"}\n'


def test_send_line_reaches_the_other_side(pair: tuple[socket.socket, DockerStream]) -> None:
    theirs, attached = pair
    attached.send_line("go")
    assert theirs.recv(10) == b"go\n"


def test_what_follows_a_line_is_there_for_the_next_one(
    pair: tuple[socket.socket, DockerStream],
) -> None:
    theirs, attached = pair
    theirs.sendall(frame(1, b"one\ntwo\nth"))
    assert attached.read_line(deadline=soon()) == b"one\n"
    theirs.sendall(frame(1, b"ree\nrest"))
    theirs.close()
    assert attached.read_line(deadline=soon()) == b"two\n"
    assert attached.read_line(deadline=soon()) == b"three\n"
    assert attached.read(limit=100, deadline=soon()) == b"rest"
