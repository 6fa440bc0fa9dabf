"""labctl and the programs in its containers agree in every message that one sends the other.

The other tests of services and probes speak to them in labctl's own messages, too.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from labctl.model.messages import (
    DRAIN,
    GO,
    DrainedPackets,
    Lifeline,
    Variable,
    decode_event,
    decode_packets,
    sync_request,
)
from labctl.model.packet import RawPacket

_LIMIT_S = 10

TAP = """
from labctl.services import lifeline, tap
from labctl.services.capture import CapturedPacket
from labctl.services.events import emit

class Packets:
    def take(self):
        first = CapturedPacket(1, "eth0", True, 9, b"abc")
        return [first, CapturedPacket(2, "lo", False, 2, b"de")], 7

lifeline.wait_for_go()
emit("ready")
tap.answer_commands(Packets())
"""
SERVICE = """
from labctl.services import lifeline
from labctl.services.events import emit

lifeline.wait_for_go()
emit("ready")
lifeline.hold(forget=lambda address: emit("forgotten", peer=address))
"""


def answers(program: str, *lines: str) -> Iterator[bytes]:
    """The lines that a program writes once it has read these."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        input="".join(f"{line}\n" for line in lines).encode(),
        env={Variable.LIFELINE.value: Lifeline.CUT.value},
        capture_output=True,
        timeout=_LIMIT_S,
        check=True,
    )
    return iter(done.stdout.splitlines())


def test_a_tap_answers_with_its_packets() -> None:
    first, second = answers(TAP, GO, DRAIN)
    ready, drained = decode_event(first), decode_event(second)
    assert ready
    assert ready.is_ready
    assert drained
    assert not drained.is_ready
    assert decode_packets(second) == DrainedPackets(
        packets=(
            RawPacket(at_ns=1, interface="eth0", direction="out", length=9, data=b"abc"),
            RawPacket(at_ns=2, interface="lo", direction="in", length=2, data=b"de"),
        ),
        lost=7,
    )
    assert decode_packets(first) is None


def test_a_service_forgets_the_client_and_answers_with_the_token() -> None:
    ready, forgotten, synced = map(
        decode_event, answers(SERVICE, GO, sync_request("t-1", "198.18.0.130"))
    )
    assert ready
    assert ready.is_ready
    assert forgotten
    assert forgotten.peer == "198.18.0.130"
    assert synced
    assert synced.is_sync("t-1")
    assert not synced.is_sync("t-2")
    assert not forgotten.is_sync("t-1")


@pytest.mark.parametrize(
    "line",
    [
        b"", b"{", b"[]", b"1", b'{"event": "x"}', b'{"at_s": "x", "event": "x"}',
        b'{"at_s": 1, "event": 5}', b'{"at_s": 1, "event": "x", "peer": 5}',
        b'{"at_s": 1, "event": "x", "peer": null}', b'{"at_s": 1, "event": "x", "detail": []}',
    ],
)  # fmt: skip
def test_what_is_no_event_is_none(line: bytes) -> None:
    assert decode_event(line) is None
    assert decode_packets(line) is None


def test_a_service_may_say_that_it_is_ready_and_no_more() -> None:
    event = decode_event(b'{"event": "ready"}')
    assert event is not None
    assert event.is_ready
    assert decode_event(b'{"event": "connect"}') is None
