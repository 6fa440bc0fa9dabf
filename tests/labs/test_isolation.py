"""What a client can't reach or do, found out by trying. Each test names the control it watches."""

from __future__ import annotations

import contextlib
import errno
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.types import HostConfig

from labctl.engine import containers
from labctl.engine.access import open_engine
from labctl.engine.docker import containers as docker_containers
from labctl.engine.docker.runtime import DockerRuntime
from labctl.engine.images.names import client_image
from labctl.engine.isolation import Reach, host_addresses, try_isolation
from labctl.engine.run_once import run_once
from labctl.judge import observe
from labctl.load.bundled import bundled_compose
from labctl.load.compose import load_compose
from labctl.model.plan import Interpreter, PlannedAttempt, PlannedLab
from labctl.model.scenario import Target

SERVICES = ("dns", "mail")
COMPOSE = bundled_compose()
# Its last expression is why a look-up fails without file descriptors, after another client came.
LOOK_UP = """
import os, resource, socket, time

def joined():
    return os.stat("/etc/resolv.conf").st_ctime_ns

socket.getaddrinfo("dns.lab", 53)
before = joined()
while joined() == before:
    time.sleep(0.01)
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 256))
try:
    socket.getaddrinfo("dns.lab", 53)
except OSError as error:
    number = error.errno
finally:
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
number
"""


def interpreter() -> Interpreter:
    [image] = open_engine().images().status([client_image("3.13")])
    return image.interpreter("3.13")


def run_in(tap: Any, source: str, *, needs: Sequence[str] = SERVICES) -> str:
    """What a client's last expression was."""
    attempt = planned(source, needs)
    evidence = tap.attempt(attempt, limit_s=20)
    seen = observe(evidence)
    assert seen.returned is not None, evidence.report
    return seen.returned


def planned(source: str, needs: Sequence[str] = SERVICES) -> PlannedAttempt:
    return PlannedAttempt(
        key="try", scenario="isolation", attempt="try", origin="", source=source,
        target=Target(host="dns.lab", port=53), services=tuple(needs),
        interpreter=interpreter(),
    )  # fmt: skip


@contextlib.contextmanager
def lab(run: str, *, names: Sequence[str] = SERVICES) -> Iterator[Any]:
    services = tuple(load_compose(COMPOSE)[name] for name in names)
    todo = PlannedLab(compose=COMPOSE, services=services, attempts=(planned("None"),))
    with open_engine().for_run(run).lab(todo) as running, running.tap() as tap:
        yield tap


@pytest.mark.docker
def test_a_client_that_comes_changes_nothing_for_one_that_runs(engine: docker.APIClient) -> None:
    """Control: no-reload in the tap's resolv.conf, which Docker touches when a client joins."""
    runtime = DockerRuntime(engine)
    with lab("nextone0") as tap, ThreadPoolExecutor(1) as pool:
        run_in(tap, "'the tap is there'")
        running = pool.submit(run_in, tap, LOOK_UP)
        [owner] = engine.containers(filters={"label": "labctl.run=nextone0", "name": "-tap-"})
        spec = containers.client_container(
            interpreter().image,
            name="labctl-nextone0-client",
            tap=owner["Id"],
            labels=owner["Labels"],
        )
        while not running.done():
            run_once(runtime, replace(spec, has_stdin=False, entrypoint=("/labctl/python", "-V")))
        assert running.result() == str(errno.EMFILE)


@pytest.fixture(scope="module")
def reach() -> Reach:
    return try_isolation(open_engine().for_run("isolate0"), interpreter())


@pytest.mark.both
def test_the_host_is_tried_at_every_address(reach: Reach) -> None:
    assert {a for a in host_addresses() if not a.startswith("fe80")} <= set(reach.tried)
    assert reach.tried


@pytest.mark.both
def test_no_address_of_the_host_is_reached(reach: Reach) -> None:
    """Control: the bridge of a lab is in a namespace of the lab's own."""
    assert reach.reached == ()


@pytest.mark.both
def test_there_is_no_way_to_the_outside(reach: Reach) -> None:
    """Control: the same: the gateway is nobody."""
    assert not reach.gateway_answers


@pytest.mark.both
def test_a_client_has_no_capability(reach: Reach) -> None:
    """Control: all capabilities are dropped, and the user is nobody."""
    assert reach.capabilities == ()
    assert reach.no_new_privileges


@pytest.mark.both
def test_a_client_can_write_nowhere_but_in_tmp(reach: Reach) -> None:
    """Control: a read-only root."""
    assert reach.writable == ()


@pytest.mark.both
def test_the_engines_socket_is_not_there(reach: Reach) -> None:
    """Control: no mounts."""
    assert not reach.engine_socket


def test_the_gateway_address_is_nobodys() -> None:
    """Control: the bridge of a lab is in a namespace of the lab's own, and has no such address."""
    source = """
import socket
def unreachable(port):
    own = socket.gethostbyname("dns.lab").rpartition(".")[0]
    try:
        socket.create_connection((own + ".1", port), timeout=1)
    except ConnectionRefusedError:
        return False  # somebody answered
    except OSError:
        return True
    return False
[unreachable(port) for port in (22, 53, 2375, 65001)]
"""
    with lab("isolate1") as tap:
        assert run_in(tap, source) == "[True, True, True, True]"


@pytest.mark.both
def test_taps_that_come_and_go_change_nothing_for_a_client() -> None:
    """Control: the bridge has a hardware address of its own, by which clients know its host."""
    source = """
import socket, time
end, failed = time.monotonic() + 4, 0
while time.monotonic() < end:
    try:
        socket.gethostbyname("mail.lab")
    except OSError:
        failed += 1
    time.sleep(0.02)
failed
"""
    services = tuple(load_compose(COMPOSE)[name] for name in SERVICES)
    todo = PlannedLab(compose=COMPOSE, services=services, attempts=(planned("None"),))
    with open_engine().for_run("comego00").lab(todo) as running, running.tap() as tap:
        with ThreadPoolExecutor(1) as pool:
            looking = pool.submit(run_in, tap, source)
            while not looking.done():
                with running.tap() as other:
                    run_in(other, "1")
        assert looking.result() == "0"


def test_another_lab_is_not_reached() -> None:
    """Control: a network for each lab."""
    with lab("isolate2", names=("dns",)) as one, lab("isolate3") as other:
        address = run_in(other, "import socket\nsocket.gethostbyname('mail.lab')").strip("'")
        source = f"""
import socket
try:
    answer = bool(socket.create_connection(({address!r}, 25), timeout=1))
except OSError as error:
    answer = type(error).__name__
answer
"""
        assert run_in(other, source) == "True"
        assert run_in(one, source, needs=["dns"]) in {"'OSError'", "'TimeoutError'"}


def test_a_client_sees_its_own_processes_only() -> None:
    """Control: a PID namespace for each container."""
    source = """
import os
sorted(open(f"/proc/{pid}/comm").read() for pid in os.listdir("/proc") if pid.isdigit())
"""
    with lab("isolate4") as tap:
        assert len(json.loads(run_in(tap, source).replace("'", '"'))) <= 2


@pytest.mark.docker
def test_only_a_firewall_keeps_the_right_to_change_its_host(engine: docker.APIClient) -> None:
    """Control: programs give up NET_ADMIN once they have made their link to the network."""
    names = ("dns", "mail", "filtered")
    with lab("linking0", names=names) as tap:
        run_in(tap, "import socket\nsocket.gethostbyname('mail.lab')", needs=names)
        rights: dict[str, set[bool]] = {}
        for one in engine.containers(filters={"label": "labctl.run=linking0"}):
            part = one["Names"][0].split("-")[-2]
            if part != "client":
                top = engine.top(one["Id"], ps_args="-eo pid")["Processes"]
                rights[part] = {_may_change_the_host(int(row[0])) for row in top}
    assert rights == {"services": {False}, "tap": {False}, "filtered": {True}}


def _may_change_the_host(process: int) -> bool:
    """Whether a process has NET_ADMIN, or can get it."""
    lines = Path(f"/proc/{process}/status").read_text("ascii").splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    net_admin = 1 << 12
    may = [bool(int(status[key], 16) & net_admin) for key in ("CapPrm", "CapEff", "CapInh")]
    assert status["NoNewPrivs"] == "1"
    return any(may)


@pytest.mark.docker
@pytest.mark.parametrize("control", ["the lab's namespace", "capabilities", "read-only root"])
def test_without_its_control_the_trial_finds_the_hole(
    monkeypatch: pytest.MonkeyPatch, control: str
) -> None:
    """The tests above can fail: with a control taken away, the same trial sees it. Those of the
    local engine are taken away in test_confinement.py.
    """
    _WITHOUT[control](monkeypatch)
    assert try_isolation(open_engine().for_run("isolate5"), interpreter()).holes()


def _on_the_engines_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients are where containers of others are, and know the name that they need."""

    def make(**settings: Any) -> HostConfig:
        if settings["network_mode"].startswith("container:"):
            settings |= {"network_mode": "bridge", "extra_hosts": {"dns.lab": "198.18.0.2"}}
        return HostConfig(**settings)

    monkeypatch.setattr(docker_containers, "HostConfig", make)


def _without(key: str, value: Any) -> Callable[[pytest.MonkeyPatch], None]:
    def make(**settings: Any) -> HostConfig:
        return HostConfig(**{**settings, key: value})

    def apply(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(docker_containers, "HostConfig", make)

    return apply


def _with_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "CLIENT_USER", "0:0")
    _without("cap_drop", [])(monkeypatch)


def _writable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "CLIENT_USER", "0:0")
    _without("read_only", value=False)(monkeypatch)


_WITHOUT: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "the lab's namespace": _on_the_engines_network,
    "capabilities": _with_root,
    "read-only root": _writable,
}
