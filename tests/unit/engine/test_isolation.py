"""What a client could do that it should not."""

from __future__ import annotations

import socket
import struct
from dataclasses import replace

import pytest

from labctl.engine.isolation import Reach, listener

TIGHT = Reach(
    reached=(),
    tried=("198.18.0.1",),
    capabilities=(),
    no_new_privileges=True,
    writable=(),
    gateway_answers=False,
    engine_socket=False,
)


def test_a_lab_that_is_tight_has_no_holes() -> None:
    assert TIGHT.holes() == []


@pytest.mark.parametrize(
    ("change", "holes"),
    [
        (
            {"reached": ("198.18.0.1", "fe80::1%eth0")},
            [
                "a client reached this host at 198.18.0.1",
                "a client reached this host at fe80::1%eth0",
            ],
        ),
        ({"capabilities": ("CapEff",)}, ["a client has capabilities (CapEff)"]),
        (
            {"writable": ("/", "/etc")},
            ["a client can write to /", "a client can write to /etc"],
        ),
        ({"no_new_privileges": False}, ["a client may gain privileges"]),
        ({"gateway_answers": True}, ["a gateway answers: a client has a way to the outside"]),
        ({"engine_socket": True}, ["a client sees the engine's socket"]),
    ],
)
def test_every_hole_is_a_sentence(change: dict[str, object], holes: list[str]) -> None:
    assert replace(TIGHT, **change).holes() == holes  # type: ignore[arg-type]


def test_the_listener_greets_on_both_families_until_it_is_closed() -> None:
    with listener() as port:
        for address in ("127.0.0.1", "::1", "127.0.0.1"):
            with socket.create_connection((address, port), timeout=5) as sock:
                assert sock.recv(7) == b"labctl!"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_peers_that_have_gone_do_not_keep_the_listener_from_greeting_others() -> None:
    with listener() as port:
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as gone:
                gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
            assert sock.recv(7) == b"labctl!"
