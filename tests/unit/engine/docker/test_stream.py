"""The framing of attached streams, over a real socket pair."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

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


def anonymous(purpose: int) -> ssl.SSLContext:
    """Nobody shows a certificate, which OpenSSL allows up to TLS 1.2."""
    context = ssl.SSLContext(purpose)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AECDH:@SECLEVEL=0")
    return context


@dataclass
class Response:
    """The response that docker-py keeps with the socket of an attach request."""

    raw: socket.socket

    def close(self) -> None:
        self.raw.close()


@pytest.fixture
def tls_pair() -> Iterator[tuple[ssl.SSLSocket, DockerStream]]:
    """As of an engine that is reached over TLS: the engine's end, and labctl's."""
    theirs, ours = socket.socketpair()
    wrapped: list[ssl.SSLSocket] = []
    accepting = threading.Thread(
        target=lambda: wrapped.append(
            anonymous(ssl.PROTOCOL_TLS_SERVER).wrap_socket(theirs, server_side=True)
        )
    )
    accepting.start()
    raw = anonymous(ssl.PROTOCOL_TLS_CLIENT).wrap_socket(ours)
    # As docker-py has it: a response that closes the socket.
    raw._response = Response(raw)  # type: ignore[attr-defined]  # noqa: SLF001
    attached = DockerStream(raw)
    accepting.join()
    yield wrapped[0], attached
    attached.close()
    wrapped[0].close()


def echo(theirs: ssl.SSLSocket) -> None:
    """Send back what comes, in frames, until the end."""
    while came := theirs.recv(65536):
        theirs.sendall(frame(1, came))


def test_over_tls_many_threads_write_while_one_reads(
    tls_pair: tuple[ssl.SSLSocket, DockerStream],
) -> None:
    theirs, attached = tls_pair
    engine = threading.Thread(target=echo, args=(theirs,), daemon=True)
    engine.start()
    lines = [[f"{writer} {number}" for number in range(1000)] for writer in range(4)]
    read: list[str] = []

    def read_all() -> None:
        for line in attached.lines(limit=1024):
            read.append(line.decode())
            if len(read) == sum(map(len, lines)):
                break

    def write(mine: list[str]) -> None:
        for line in mine:
            attached.send_line(line)

    threads = [threading.Thread(target=read_all, daemon=True)]
    threads += [threading.Thread(target=write, args=(mine,), daemon=True) for mine in lines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    attached.close()
    engine.join(20)
    assert [[line for line in read if line[0] == mine[0][0]] for mine in lines] == lines


def test_over_tls_a_reader_that_waits_keeps_no_writer_and_sees_the_end(
    tls_pair: tuple[ssl.SSLSocket, DockerStream],
) -> None:
    theirs, attached = tls_pair
    read: list[bytes] = []
    reader = threading.Thread(
        target=lambda: read.append(attached.read(limit=100, deadline=None)), daemon=True
    )
    reader.start()
    writer = threading.Thread(target=attached.send_line, args=("hello",), daemon=True)
    writer.start()
    assert theirs.recv(100) == b"hello\n"
    closer = threading.Thread(target=attached.close, daemon=True)
    closer.start()
    for thread in (closer, reader):
        thread.join(5)
        assert not thread.is_alive()
    assert read == [b""]


def test_over_tls_reading_gives_up_at_the_deadline(
    tls_pair: tuple[ssl.SSLSocket, DockerStream],
) -> None:
    _theirs, attached = tls_pair
    with pytest.raises(TimeoutError):
        attached.read(limit=10, deadline=time.monotonic() + 0.01)
