"""What a client can't reach or do, found out by trying. Each test names the control it watches."""

from __future__ import annotations

import contextlib
import errno
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any

import docker
import pytest
from docker.types import HostConfig

from labctl.engine import containers
from labctl.engine.access import open_engine
from labctl.engine.docker import containers as docker_containers
from labctl.engine.docker.runtime import DockerRuntime
from labctl.engine.images import client_image
from labctl.engine.isolation import Reach, host_addresses, try_isolation
from labctl.engine.run_once import run_once
from labctl.engine.runtime import NetworkSpec, SubnetTaken
from labctl.judge import observe
from labctl.load.bundled import bundled_compose
from labctl.load.compose import load_compose
from labctl.model.plan import Interpreter, PlannedAttempt, PlannedLab
from labctl.model.scenario import Target

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


def run_in(tap: Any, source: str) -> str:
    """What a client's last expression was."""
    attempt = planned(source)
    evidence = tap.attempt(attempt, limit_s=20)
    seen = observe(evidence)
    assert seen.returned is not None, evidence.report
    return seen.returned


def planned(source: str) -> PlannedAttempt:
    return PlannedAttempt(
        key="try", scenario="isolation", attempt="try", origin="", source=source,
        target=Target(host="dns.lab", port=53), services=("dns", "mail"),
        interpreter=interpreter(),
    )  # fmt: skip


@contextlib.contextmanager
def lab(run: str) -> Iterator[Any]:
    services = tuple(load_compose(COMPOSE)[name] for name in ("dns", "mail"))
    todo = PlannedLab(compose=COMPOSE, services=services, attempts=(planned("None"),))
    with open_engine().for_run(run).lab(todo) as running, running.tap() as tap:
        yield tap


@pytest.mark.docker
@pytest.mark.parametrize("subnet", ["198.19.254.0/24", "198.19.254.0/23", "198.19.254.128/25"])
def test_a_subnet_that_somebody_elses_network_has_is_taken(
    engine: docker.APIClient, subnet: str
) -> None:
    """Then a lab takes another one."""
    pool = docker.types.IPAMPool(subnet=subnet)
    config = docker.types.IPAMConfig(pool_configs=[pool])
    other = engine.create_network("labctl-test-subnet", internal=True, ipam=config)["Id"]
    try:
        with pytest.raises(SubnetTaken):
            DockerRuntime(engine).create_network(
                NetworkSpec(
                    name="labctl-subnet00",
                    subnet=IPv4Network("198.19.254.0/24"),
                    gateway="198.19.254.1",
                    dynamic_range="198.19.254.128/25",
                    labels={"labctl.run": "subnet00"},
                )
            )
    finally:
        engine.remove_network(other)


@pytest.mark.docker
def test_a_client_that_comes_changes_nothing_for_one_that_runs(engine: docker.APIClient) -> None:
    """Control: no-reload in the tap's resolv.conf, which Docker touches when a client joins."""
    runtime = DockerRuntime(engine)
    with lab("nextone0") as tap, ThreadPoolExecutor(1) as pool:
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
    """Control: an internal network whose bridge has no address; a bridge of the lab's own."""
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
    """Control: inhibit_ipv4. Docker's bridge would have that address, and every host port with it.
    That of the local engine has none.
    """
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


def test_another_lab_is_not_reached() -> None:
    """Control: a network for each lab."""
    with lab("isolate2") as one, lab("isolate3") as other:
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
        assert run_in(one, source) in {"'OSError'", "'TimeoutError'"}


def test_a_client_sees_its_own_processes_only() -> None:
    """Control: a PID namespace for each container."""
    source = """
import os
sorted(open(f"/proc/{pid}/comm").read() for pid in os.listdir("/proc") if pid.isdigit())
"""
    with lab("isolate4") as tap:
        assert len(json.loads(run_in(tap, source).replace("'", '"'))) <= 2


@pytest.mark.docker
@pytest.mark.parametrize("control", ["internal network", "capabilities", "read-only root"])
def test_without_its_control_the_trial_finds_the_hole(
    monkeypatch: pytest.MonkeyPatch, control: str
) -> None:
    """The tests above can fail: with a control taken away, the same trial sees it. Those of the
    local engine are taken away in test_confinement.py.
    """
    _WITHOUT[control](monkeypatch)
    assert try_isolation(open_engine().for_run("isolate5"), interpreter()).holes()


def _without_internal(monkeypatch: pytest.MonkeyPatch) -> None:
    real = docker.APIClient.create_network

    def create(self: docker.APIClient, name: str, **settings: Any) -> Any:
        return real(self, name, **{**settings, "internal": False, "options": {}})

    monkeypatch.setattr(docker.APIClient, "create_network", create)


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
    "internal network": _without_internal,
    "capabilities": _with_root,
    "read-only root": _writable,
}
