"""The framing of attached streams, over a real socket pair."""

from __future__ import annotations

import queue
import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest

from labctl.engine.stream import Attached, Inbox
from labctl.errors import EngineError


def frame(stream: int, data: bytes) -> bytes:
    return struct.pack(">BxxxL", stream, len(data)) + data


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, Attached]]:
    theirs, ours = socket.socketpair()
    attached = Attached(ours)
    yield theirs, attached
    attached.close()
    theirs.close()


def soon() -> float:
    return time.monotonic() + 5


def test_read_joins_stdout_and_keeps_stderr_apart(pair: tuple[socket.socket, Attached]) -> None:
    theirs, attached = pair
    theirs.sendall(frame(1, b"one ") + frame(2, b"oops\n") + frame(1, b"two"))
    theirs.close()
    assert attached.read(limit=100, deadline=soon()) == b"one two"
    assert list(attached.tail) == ["oops"]


def test_read_keeps_no_more_than_the_limit_and_goes_on_to_the_end(
    pair: tuple[socket.socket, Attached],
) -> None:
    theirs, attached = pair

    def send() -> None:
        theirs.sendall(frame(1, b"x" * 10**6))
        theirs.close()

    sender = threading.Thread(target=send)
    sender.start()
    assert attached.read(limit=10, deadline=soon()) == b"x" * 10
    sender.join()


def test_read_gives_up_at_the_deadline(pair: tuple[socket.socket, Attached]) -> None:
    _theirs, attached = pair
    with pytest.raises(TimeoutError):
        attached.read(limit=10, deadline=time.monotonic() + 0.01)


@pytest.mark.parametrize("cut", [struct.pack(">BxxxL", 1, 50) + b"half", b"\1\0\0"])
def test_a_frame_cut_short_is_no_end_but_a_broken_connection(
    pair: tuple[socket.socket, Attached], cut: bytes
) -> None:
    theirs, attached = pair
    theirs.sendall(frame(1, b"whole") + cut)
    theirs.close()
    with pytest.raises(EngineError, match="connection to a container broke off"):
        attached.read(limit=100, deadline=soon())


def test_lines_come_whole_across_frames_and_long_ones_are_cut(
    pair: tuple[socket.socket, Attached],
) -> None:
    theirs, attached = pair
    theirs.sendall(frame(1, b"first li") + frame(1, b"ne\nsecond\n") + frame(1, b"y" * 50))
    theirs.close()
    assert list(attached.lines(limit=20)) == [b"first line", b"second", b"y" * 20]


def test_read_line_returns_at_the_line_end(pair: tuple[socket.socket, Attached]) -> None:
    theirs, attached = pair
    theirs.sendall(frame(1, b'{"event": "rea') + frame(1, b'dy"}\n'))
    assert attached.read_line(deadline=soon()) == b'{"event": "ready"}\n'


def test_send_line_reaches_the_other_side(pair: tuple[socket.socket, Attached]) -> None:
    theirs, attached = pair
    attached.send_line("go")
    assert theirs.recv(10) == b"go\n"


def test_inbox_waits_for_a_line_that_comes_later() -> None:
    inbox = Inbox()
    threading.Timer(0.05, lambda: inbox.fill(iter([b"noise", b'"event": "ready"']))).start()
    assert inbox.wait_for(b"ready", deadline=soon())
    assert len(inbox) == 2
    assert inbox.since(1) == (b'"event": "ready"',)


def test_inbox_says_no_at_the_end_without_waiting_for_the_deadline() -> None:
    inbox = Inbox()
    inbox.fill(iter([b"died"]))
    began = time.monotonic()
    assert not inbox.wait_for(b"ready", deadline=began + 60)
    assert inbox.ended
    assert time.monotonic() - began < 30


def test_inbox_says_no_at_the_deadline() -> None:
    assert not Inbox().wait_for(b"ready", deadline=time.monotonic() + 0.01)


def filled(number: int, *, most: int) -> Inbox:
    inbox = Inbox(most=most)
    inbox.fill(f"line {n}".encode() for n in range(number))
    return inbox


def test_inbox_keeps_the_last_lines_and_their_numbers() -> None:
    inbox = filled(10, most=3)
    assert len(inbox) == 10
    assert inbox.since(0) == inbox.since(7) == (b"line 7", b"line 8", b"line 9")
    assert inbox.since(9) == (b"line 9",)
    assert inbox.since(10) == inbox.since(99) == ()
    assert filled(3, most=3).since(0) == (b"line 0", b"line 1", b"line 2")


def test_inbox_counts_what_is_lost_of_the_lines_from_a_place_on() -> None:
    inbox = filled(10, most=3)
    assert [inbox.lost(start) for start in (0, 5, 6, 7, 8, 10, 99)] == [7, 2, 1, 0, 0, 0, 0]
    assert filled(3, most=3).lost(0) == 0
    assert Inbox().lost(0) == 0


def test_inbox_waits_for_lines_from_a_place_on_alone() -> None:
    inbox = filled(10, most=20)
    assert inbox.wait_for(b"line 4", deadline=soon())
    assert inbox.wait_for(b"line 4", start=4, deadline=soon())
    assert not inbox.wait_for(b"line 4", start=5, deadline=soon())


def test_inbox_waits_for_the_same_word_anew() -> None:
    inbox = Inbox()
    lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    lines.put(b"synced")
    reader = threading.Thread(target=inbox.fill, args=(iter(lines.get, None),))
    reader.start()
    assert inbox.wait_for(b"synced", deadline=soon())
    mark = len(inbox)
    assert not inbox.wait_for(b"synced", start=mark, deadline=time.monotonic() + 0.01)
    assert not inbox.ended
    lines.put(b"noise")
    lines.put(b"synced")
    assert inbox.wait_for(b"synced", start=mark, deadline=soon())
    assert inbox.since(mark) == (b"noise", b"synced")
    lines.put(None)
    reader.join()
    assert inbox.ended


def test_of_long_lines_fewer_are_kept() -> None:
    inbox = Inbox(room=10)
    inbox.fill(iter([b"one", b"three", b"seven", b"eleven"]))
    assert inbox.since(0) == (b"eleven",)
    assert inbox.lost(0) == 3


def test_the_last_line_is_kept_however_long_it_is() -> None:
    inbox = Inbox(room=2)
    inbox.fill(iter([b"one", b"three"]))
    assert inbox.since(0) == (b"three",)
