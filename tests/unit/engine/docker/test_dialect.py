"""What Docker and Podman do differently behind the same API."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any, cast

import docker
import pytest

from labctl.engine.containers import client_container
from labctl.engine.docker.containers import container_settings
from labctl.engine.docker.dialect import DOCKER, PODMAN, Dialect, dialect_of, engine_info
from labctl.engine.docker.runtime import DockerRuntime
from labctl.engine.runtime import Busy, NetworkSpec, ResourceKind, SubnetTaken
from tests.unit.engine.docker.test_runtime import Client, refusal

# As the engines answer.
DOCKER_SAYS = {
    "Version": "20.10.24+dfsg1", "KernelVersion": "6.1", "Arch": "amd64",
    "Components": [{"Name": "Engine", "Version": "20.10.24"}, {"Name": "containerd"}],
}  # fmt: skip
PODMAN_SAYS = {
    "Version": "4.3.1", "KernelVersion": "6.1", "Arch": "amd64",
    "Components": [{"Name": "Podman Engine", "Version": "4.3.1"}, {"Name": "Conmon"}],
}  # fmt: skip
SUBNET = IPv4Network("198.18.7.0/24")
NETWORK = NetworkSpec(
    name="x", subnet=SUBNET, gateway="198.18.7.1", dynamic_range="198.18.7.128/25", labels={}
)


@pytest.mark.parametrize(
    ("said", "dialect", "name"),
    [
        (DOCKER_SAYS, DOCKER, "docker"),
        (PODMAN_SAYS, PODMAN, "podman"),
        ({"Version": "1", "Components": None}, DOCKER, "docker"),
    ],
)
def test_an_engine_is_known_by_its_parts(said: dict[str, Any], dialect: Dialect, name: str) -> None:
    assert dialect_of(said) is dialect
    info = engine_info(said)
    assert (info.name, info.version) == (name, said["Version"])


@pytest.mark.parametrize(
    ("dialect", "options"),
    [(DOCKER, "size=16m,nr_inodes=1024,mode=1777"), (PODMAN, "size=16m,mode=1777")],
)
def test_podman_is_not_given_mount_options_that_it_refuses(dialect: Dialect, options: str) -> None:
    spec = client_container("x", name="c", tap="t", labels={})
    host = container_settings(spec, "1.41", dialect)["host_config"]
    assert host["Tmpfs"] == {"/tmp": options}


@pytest.mark.parametrize(
    ("dialect", "options"),
    [(DOCKER, {"com.docker.network.bridge.inhibit_ipv4": "true"}), (PODMAN, {})],
)
def test_podman_has_no_option_that_isolates_a_network(
    dialect: Dialect, options: dict[str, str]
) -> None:
    client = Client({"Id": "n"})
    DockerRuntime(cast("docker.APIClient", client), dialect).create_network(NETWORK)
    assert client.calls[0][2]["options"] == options


def test_podman_says_in_its_own_words_that_it_will_remove_something_in_a_moment() -> None:
    said = refusal(500, "sending SIGKILL to container 1f: container state improper: stopped")
    client = cast("docker.APIClient", Client(said))
    with pytest.raises(Busy):
        DockerRuntime(client, PODMAN).remove(ResourceKind.CONTAINER, "x")


def test_people_are_told_the_engines_own_command() -> None:
    client = cast("docker.APIClient", Client())
    assert DockerRuntime(client, PODMAN).listing_command("a=b") == "podman ps --filter label=a=b"


@pytest.mark.parametrize(
    ("dialect", "status", "said"),
    [
        (DOCKER, 403, "Pool overlaps with other one on this address space"),
        (PODMAN, 500, "subnet 198.18.7.0/24 is already used on the host or by another config"),
    ],
)
def test_each_says_in_its_own_words_that_a_subnet_is_taken(
    dialect: Dialect, status: int, said: str
) -> None:
    client = cast("docker.APIClient", Client(refusal(status, said)))
    with pytest.raises(SubnetTaken):
        DockerRuntime(client, dialect).create_network(NETWORK)
