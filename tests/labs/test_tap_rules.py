"""Labs on an engine that does not isolate networks: rules in each tap's namespace do."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from labctl.engine import container_engine
from labctl.engine.access import EngineAccess
from labctl.engine.images import client_image
from labctl.engine.isolation import try_isolation
from labctl.judge import observe
from labctl.load.bundled import bundled_compose
from labctl.load.compose import load_compose
from labctl.model.plan import Interpreter, PlannedAttempt, PlannedLab
from labctl.model.scenario import Target
from tests.labs.conftest import Done, labctl
from tests.labs.not_isolating import NO_RULES, open_engine

pytestmark = pytest.mark.docker

COMPOSE = bundled_compose()
CLIENT = "import os\nos.getpid() > 0\n"

# Its last expression is how each way to the host ended.
TO_THE_HOST = """
import socket
lab = socket.gethostbyname("dns.lab").rpartition(".")[0]

def tcp(host, interface=b""):
    with socket.socket() as sock:
        sock.settimeout(4)
        if interface:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface)
        return sock.connect_ex((host, PORT))

def udp(host):
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        try:
            sock.sendto(b"from a client", (host, PORT))
        except OSError as error:
            return error.errno
    return 0

{
    "gateway": tcp(lab + ".1"),
    "elsewhere": tcp("192.0.2.1"),
    "elsewhere on the link": tcp("192.0.2.1", b"eth0"),
    "datagrams": [udp(host) for host in (lab + ".1", lab + ".255", "255.255.255.255", "224.0.0.1")],
}
"""


@pytest.fixture
def without_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_rules(_subnet: IPv4Network) -> str:
        return NO_RULES

    monkeypatch.setattr(container_engine, "tap_rules", no_rules)


@pytest.fixture(scope="module")
def not_isolating() -> EngineAccess:
    return open_engine()


def interpreter(engine: EngineAccess) -> Interpreter:
    [image] = engine.images().status([client_image("3.13")])
    return image.interpreter("3.13")


def test_no_address_of_the_host_is_reached(not_isolating: EngineAccess) -> None:
    assert (
        try_isolation(not_isolating.for_run("rules000"), interpreter(not_isolating)).holes() == []
    )


@pytest.mark.usefixtures("without_rules")
def test_without_rules_the_host_is_reached(not_isolating: EngineAccess) -> None:
    """The test above can fail."""
    found = try_isolation(not_isolating.for_run("rules001"), interpreter(not_isolating))
    assert any(host.startswith("198.1") for host in found.reached)


@contextmanager
def host_port() -> Iterator[tuple[int, socket.socket]]:
    """Take datagrams and connections on every address of the host, on one port."""
    with socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("", 0))
        port = datagrams.getsockname()[1]
        with socket.create_server(("", port)):
            yield port, datagrams


def datagrams_of(sock: socket.socket) -> list[bytes]:
    """All datagrams that came so far: one of our own is the last."""
    with socket.socket(type=socket.SOCK_DGRAM) as own:
        own.sendto(b"the last", ("127.0.0.1", sock.getsockname()[1]))
    sock.settimeout(10)
    return list(iter(lambda: sock.recv(100), b"the last"))


def way_to_the_host(engine: EngineAccess, run: str) -> tuple[dict[str, Any], list[bytes]]:
    """How each way to the host ended for a client, and which of its datagrams the host got."""
    services = (load_compose(COMPOSE)["dns"],)
    todo = PlannedLab(compose=COMPOSE, services=services, attempts=())
    with (
        host_port() as (port, datagrams),
        engine.for_run(run).lab(todo) as lab,
        lab.tap() as tap,
    ):
        attempt = PlannedAttempt(
            key="try", scenario="rules", attempt="try", origin="",
            source=f"PORT = {port}\n{TO_THE_HOST}",
            target=Target(host="dns.lab", port=53), interpreter=interpreter(engine),
            services=("dns",),
        )  # fmt: skip
        seen = observe(tap.attempt(attempt, limit_s=60))
        assert seen.returned is not None, seen
        return eval(seen.returned), datagrams_of(datagrams)  # noqa: S307 what our client says


def test_a_client_meets_nobody_elsewhere(not_isolating: EngineAccess) -> None:
    """As where nobody has the address, which a client meets on engines that do isolate."""
    assert way_to_the_host(not_isolating, "rules002") == (
        {
            "gateway": errno.EHOSTUNREACH,
            "elsewhere": errno.EHOSTUNREACH,
            "elsewhere on the link": errno.EHOSTUNREACH,
            "datagrams": [errno.EPERM] * 4,
        },
        [],
    )


@pytest.mark.usefixtures("without_rules")
def test_without_rules_a_client_meets_the_host(not_isolating: EngineAccess) -> None:
    """The test above can fail."""
    ended, datagrams = way_to_the_host(not_isolating, "rules003")
    assert (ended["gateway"], ended["datagrams"]) == (0, [0] * 4)
    assert datagrams == [b"from a client"] * 4


def run(folder: Path, *args: str | Path, **env: str) -> Done:
    (folder / "client.py").write_text(CLIENT, "utf-8")
    settings = {"XDG_CACHE_HOME": str(folder / "cache"), **env}
    return labctl("run", *args, env=settings, module="tests.labs.not_isolating")


def test_scenarios_are_as_they_expect_with_all_their_packets(tmp_path: Path) -> None:
    """Of each kind that rules could disturb: TCP, ARP, ICMP, UDP, and loopback."""
    names = ("refused-port", "dead-neighbour", "host-unreachable", "udp-broadcast",
             "wrong-loopback", "udp-closed-port")  # fmt: skip
    done = run(tmp_path, *names, "--attempt", "socket", "--attempt", "connected")
    assert done.code == 0, done.out + done.err
    assert "keep clients in" not in done.err


def test_clients_of_others_are_refused_where_the_rules_do_not_hold(tmp_path: Path) -> None:
    """The trial is made, by a lab of its own."""
    client = ("--client", tmp_path / "client.py")
    refused = run(tmp_path, "udp-broadcast", *client, LAB_TEST_RULES="none")
    assert (refused.code, refused.out) == (4, "")
    message, hint = refused.err.splitlines()[-2:]
    assert message.startswith("labctl: labs do not keep clients in: a client reached this host at ")
    assert "--trust-client" in hint
    trusted = run(tmp_path, "udp-broadcast", *client, "--trust-client", LAB_TEST_RULES="none")
    assert trusted.code == 0
    assert "labctl: warning: labs do not keep clients in: " in trusted.err
