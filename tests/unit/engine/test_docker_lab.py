"""A lab on an engine that makes containers of nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from labctl.engine.docker import DockerEngine
from labctl.engine.docker_lab import DockerLab
from labctl.errors import EngineError
from labctl.model.compose import Service
from labctl.model.plan import PlannedLab


class Client:
    """In the place of the SDK's: containers run until `running` says that they don't."""

    api_version = "1.41"

    def __init__(self) -> None:
        self.made: list[str] = []
        self.running = True
        self.sockets: list[socket.socket] = []

    def create_container(self, **config: Any) -> dict[str, str]:
        self.made.append(config["name"])
        return {"Id": config["name"]}

    def attach_socket(self, _container: str, *, params: object) -> socket.socket:
        assert params
        ours, theirs = socket.socketpair()
        self.sockets.append(theirs)
        return ours

    def start(self, container: str) -> None:
        assert container in self.made

    def inspect_container(self, _container: str) -> dict[str, Any]:
        return {"State": {"Running": self.running, "ExitCode": 137}}


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client()
    yield client
    for one in client.sockets:
        one.close()


@pytest.fixture
def lab(client: Client) -> Iterator[DockerLab]:
    """A lab whose one service is ready."""
    planned = PlannedLab(
        compose=Path("lab.yaml"), services=(Service(name="dns", image="own/dns"),), attempts=()
    )
    lab = DockerLab(
        DockerEngine(client, run="beef"),  # type: ignore[arg-type]
        planned,
        {"own/dns": {}},
        name="labctl-beef",
        subnet=IPv4Network("198.18.7.0/24"),
        labels={},
    )
    lab.start()
    lab.ready()
    yield lab
    lab.stop()


def test_a_lab_that_has_lost_a_service_makes_no_tap(lab: DockerLab, client: Client) -> None:
    client.running = False
    with pytest.raises(EngineError, match=r"service dns died \(exit code 137\)"), lab.tap():
        pass
    assert len(client.made) == 1
