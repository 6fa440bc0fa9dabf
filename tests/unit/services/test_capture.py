"""The capture on a real packet socket: whoever may open one runs this, root as a rule."""

from __future__ import annotations

import itertools
import os
import socket
import struct
import time
from collections.abc import Iterator

import pytest

from labctl.services import capture
from labctl.services.capture import Capture, CapturedPacket

Sockets = tuple[socket.socket, tuple[str, int]]
_MARKS = itertools.count()


def _may_capture() -> bool:
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except PermissionError:
        return False
    return True


pytestmark = pytest.mark.skipif(not _may_capture(), reason="needs CAP_NET_RAW")


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    """A sender on loopback, and the address of somebody who never reads."""
    with socket.socket(type=socket.SOCK_DGRAM) as one, socket.socket(type=socket.SOCK_DGRAM) as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        yield one, two.getsockname()


@pytest.fixture
def seen_by() -> Iterator[Capture]:
    with Capture() as running:
        yield running


@pytest.fixture
def mark() -> bytes:
    """What tells a test's packets from all others of this host."""
    return f"labctl-test-{os.getpid()}-{next(_MARKS)}-".encode()


def own(packets: list[CapturedPacket], mark: bytes) -> list[CapturedPacket]:
    return [packet for packet in packets if mark in packet.data]


def test_a_packet_over_loopback_is_seen_once_on_its_way_in(
    seen_by: Capture, sockets: Sockets, mark: bytes
) -> None:
    sender, target = sockets
    before = time.time_ns()
    sender.sendto(mark, target)
    packets, _ = seen_by.take()
    (packet,) = own(packets, mark)
    assert (packet.interface, packet.outgoing) == ("lo", False)
    assert before <= packet.at_ns <= time.time_ns()
    assert packet.length == len(packet.data) == 14 + 20 + 8 + len(mark)
    assert packet.data[12:14] == b"\x08\x00"
    assert struct.unpack_from("!HH", packet.data, 34) == (sender.getsockname()[1], target[1])
    assert packet.data.endswith(mark)


def test_packets_come_in_the_order_they_were_sent_and_only_once(
    seen_by: Capture, sockets: Sockets, mark: bytes
) -> None:
    sender, target = sockets
    for round_ in range(3):
        sent = [b"%s%d-%d" % (mark, round_, number) for number in range(200)]
        for data in sent:
            sender.sendto(data, target)
        packets, _ = seen_by.take()
        assert [packet.data[42:] for packet in own(packets, mark)] == sent
        times = [packet.at_ns for packet in packets]
        assert times == sorted(times)
    assert own(seen_by.take()[0], mark) == []


def test_a_packet_that_a_frame_of_the_ring_has_no_room_for_is_cut(
    seen_by: Capture, sockets: Sockets, mark: bytes
) -> None:
    sender, target = sockets
    sender.sendto(mark + bytes(9000), target)
    (packet,) = own(seen_by.take()[0], mark)
    assert packet.length == 42 + len(mark) + 9000
    assert 1500 < len(packet.data) <= capture.FRAME


@pytest.fixture
def _small_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "FRAMES", capture.BLOCK // capture.FRAME)


@pytest.mark.usefixtures("_small_ring")
def test_packets_that_find_the_ring_full_are_counted_and_it_goes_on_when_it_was_read(
    seen_by: Capture, sockets: Sockets, mark: bytes
) -> None:
    sender, target = sockets
    for round_ in range(3):
        sent = [b"%s%d-%d" % (mark, round_, number) for number in range(100)]
        for data in sent:
            sender.sendto(data, target)
        packets, lost = seen_by.take()
        kept = [packet.data[42:] for packet in own(packets, mark)]
        assert kept == sent[: len(kept)]
        assert len(kept) <= capture.FRAMES // 2  # each packet passes loopback twice
        assert lost >= 2 * len(sent) - capture.FRAMES
    sender.sendto(mark, target)
    packets, lost = seen_by.take()
    assert len(own(packets, mark)) == 1
    assert lost < len(sent)


def test_a_packet_for_another_host_is_not_its_own(seen_by: Capture, mark: bytes) -> None:
    own_mac, other_mac = bytes(6), b"\x02\x00\x00\x00\x00\x01"
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        for destination, text in ((other_mac, b"other"), (own_mac, b"own")):
            sender.sendto(destination + bytes(6) + b"\x88\xb5" + mark + text, ("lo", 0))
    packets, _ = seen_by.take()
    assert [packet.data[14 + len(mark) :] for packet in own(packets, mark)] == [b"own"]
