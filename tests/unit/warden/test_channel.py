"""Messages between labctl and a warden, and their open files."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from labctl.warden.channel import LIMIT, Channel, TooLong
from tests.unit.open_files import open_files

LIMIT_S = 20
FRAME = len('{"text": ""}')


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    one, two = map(Channel, pair)
    with closing(one), closing(two):
        yield one, two


def test_messages_are_kept_apart(ends: tuple[Channel, Channel]) -> None:
    one, two = ends
    messages: list[dict[str, Any]] = [
        {"text": "a ü\n"},
        {},
        {"list": [1, [2.5, None]], "map": {"x": True}},
    ]
    for message in messages:
        one.send(message)
    assert [two.receive() for _ in messages] == [(message, []) for message in messages]


def test_both_sides_may_send(ends: tuple[Channel, Channel]) -> None:
    one, two = ends
    one.send({"from": 1})
    two.send({"from": 2})
    assert one.receive() == ({"from": 2}, [])
    assert two.receive() == ({"from": 1}, [])


@pytest.mark.parametrize("count", [1, 3, 16])
def test_files_come_with_their_message(ends: tuple[Channel, Channel], count: int) -> None:
    one, two = ends
    before = open_files()
    pipes = [os.pipe() for _ in range(count)]
    one.send({"first": 1})
    one.send({"second": 2}, [write for _, write in pipes])
    for _, write in pipes:
        os.close(write)
    assert two.receive() == ({"first": 1}, [])
    received = two.receive()
    assert received
    message, files = received
    assert (message, len(files)) == ({"second": 2}, count)
    assert not any(map(os.get_inheritable, files))
    for number, (file, (read, _)) in enumerate(zip(files, pipes, strict=True)):
        os.write(file, b"%d" % number)
        os.close(file)
        assert os.read(read, 10) == b"%d" % number
        assert os.read(read, 10) == b"", "nobody else has it open"
        os.close(read)
    assert open_files() <= before


def test_the_longest_message(ends: tuple[Channel, Channel]) -> None:
    one, two = ends
    text = "x" * (LIMIT - FRAME)
    one.send({"text": text})
    assert two.receive() == ({"text": text}, [])
    with pytest.raises(TooLong, match=f"^{LIMIT + 1} bytes, where {LIMIT} are possible$"):
        one.send({"text": f"{text}x"})
    one.send({"text": "after"})
    assert two.receive() == ({"text": "after"}, [])


def test_a_sender_waits_for_a_reader(ends: tuple[Channel, Channel]) -> None:
    one, two = ends
    count, text = 20, "x" * (LIMIT // 2)

    def send() -> None:
        for number in range(count):
            one.send({"number": number, "text": text})

    sender = threading.Thread(target=send)
    sender.start()
    received = [two.receive() for _ in range(count)]
    sender.join(LIMIT_S)
    assert received == [({"number": number, "text": text}, []) for number in range(count)]


def test_the_end_of_the_other_side_comes_after_its_messages(ends: tuple[Channel, Channel]) -> None:
    one, two = ends
    one.send({"last": "words"})
    one.close()
    assert two.receive() == ({"last": "words"}, [])
    assert two.receive() is None
    assert two.receive() is None
    with pytest.raises(BrokenPipeError):
        two.send({})


def test_the_end_of_a_side_that_has_not_read_everything(ends: tuple[Channel, Channel]) -> None:
    one, two = ends
    two.send({"never": "read"})
    one.close()
    assert two.receive() is None
    assert two.receive() is None


@pytest.mark.parametrize("side", [0, 1])
def test_shutting_down_wakes_both_sides(ends: tuple[Channel, Channel], side: int) -> None:
    got: list[object] = []
    readers = [
        threading.Thread(target=lambda end=end: got.append(end.receive()), daemon=True)
        for end in ends
    ]
    for reader in readers:
        reader.start()
    ends[side].shut_down()
    for reader in readers:
        reader.join(LIMIT_S)
    assert got == [None, None]
    for end in ends:
        end.shut_down()
        with pytest.raises(BrokenPipeError):
            end.send({})


def test_it_can_be_selected(ends: tuple[Channel, Channel]) -> None:
    one, two = ends
    assert one.fileno() != two.fileno()
    assert os.fstat(one.fileno()).st_ino
    one.close()
    assert one.fileno() == -1
    one.shut_down()
