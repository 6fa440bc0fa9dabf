"""What a client could do that it should not."""

from __future__ import annotations

import ast
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from labctl.engine import isolation
from labctl.engine.doctor import isolation_check
from labctl.engine.isolation import client_source, host_addresses, listener
from labctl.errors import EngineError
from labctl.model.check import CheckState
from labctl.model.evidence import Evidence
from labctl.model.plan import PlannedAttempt
from tests.unit.engine.samples import TIGHT
from tests.unit.fake_engine import FakeEngine
from tests.unit.judge.samples import evidence, interpreter, report

TOGETHER = 20
_DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.Assign)


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


def test_a_client_tries_all_addresses_side_by_side() -> None:
    """Each is answered when all have been asked, and so would never be, one after the other."""

    def greet_together() -> None:
        peers = [server.accept()[0] for _ in range(TOGETHER)]
        for peer in peers:
            with peer:
                peer.sendall(b"labctl!")

    hosts = [f"127.0.0.{n}" for n in range(1, TOGETHER + 1)]
    with socket.create_server(("", 0), backlog=TOGETHER) as server:
        thread = threading.Thread(target=greet_together, daemon=True)
        thread.start()
        assert reached(hosts, server.getsockname()[1]) == hosts
    thread.join()


def reached(hosts: list[str], port: int) -> list[str]:
    """Run the part of the client that tries to connect, as if there were no interfaces."""
    module = ast.parse(client_source(hosts, port))
    module.body = [one for one in module.body if isinstance(one, _DEFINITIONS)]
    names: dict[str, Any] = {}
    exec(compile(module, "client", "exec"), names)  # noqa: S102 it is our own
    names["interfaces"] = list
    return cast("Callable[..., list[str]]", names["reached"])(hosts)


@pytest.mark.parametrize(
    ("change", "state", "seen"),
    [
        ({}, CheckState.OK, "tried: none of the host's 1 addresses is reached"),
        (
            {"tried": ()},
            CheckState.LIMITED,
            "not tried whether a client reaches the engine's host: its addresses are not known",
        ),
        ({"tried": (), "writable": ("/",)}, CheckState.MISSING, "a client can write to /"),
        (
            {"reached": ("198.18.0.1",)},
            CheckState.MISSING,
            "a client reached this host at 198.18.0.1",
        ),
    ],
)
def test_the_doctors_check(change: dict[str, object], state: CheckState, seen: str) -> None:
    check = isolation_check(replace(TIGHT, **change))  # type: ignore[arg-type]
    assert (check.state, check.seen) == (state, seen)
    assert bool(check.hint) is (state is not CheckState.OK)


def test_a_host_without_proc_has_the_addresses_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [("127.0.0.1", 0), ("192.0.2.7", 0), ("fe80::7%en0", 0, 0, 5), ("::1", 0, 0, 0)]
    monkeypatch.setattr(isolation, "Path", lambda path: tmp_path / path.lstrip("/"))
    monkeypatch.setattr(
        "socket.getaddrinfo", lambda *_: [(None, None, 0, "", address) for address in found]
    )
    assert isolation.host_addresses() == ["192.0.2.7", "fe80::7"]


def test_containers_that_do_not_reach_each_other_are_not_the_clients_fault() -> None:
    """Docker's firewall drops what Podman's containers send, where both run as root."""
    unknown = {"type": "socket.gaierror", "message": "Temporary failure in name resolution"}
    engine = FakeEngine(leaves=lambda _: evidence(report(exception=unknown)))
    with pytest.raises(EngineError, match="the containers of a lab do not reach each other"):
        isolation.try_isolation(engine, interpreter())


def test_a_client_that_says_something_else_tells_nothing() -> None:
    with pytest.raises(EngineError, match="the client that tries the isolation said"):
        isolation.try_isolation(FakeEngine(), interpreter())


def test_a_kernel_without_ipv6_has_a_listener_of_one_family(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    create = socket.create_server

    def without_ipv6(address: tuple[str, int], **settings: Any) -> socket.socket:
        if settings:
            raise OSError(97, "Address family not supported by protocol")
        return create(address)

    monkeypatch.setattr(socket, "create_server", without_ipv6)
    with listener() as port, socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
        assert sock.recv(7) == b"labctl!"


def test_an_engine_elsewhere_is_not_taken_for_this_machine() -> None:
    sources: list[str] = []

    def leaves(attempt: PlannedAttempt) -> Evidence:
        sources.append(attempt.source)
        return evidence(report())

    for is_here in (True, False):
        with pytest.raises(EngineError, match="said"):
            isolation.try_isolation(FakeEngine(leaves=leaves), interpreter(), is_here=is_here)
    assert ["HOSTS = []" in source for source in sources] == [not host_addresses(), True]
