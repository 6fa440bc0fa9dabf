"""What Docker and Podman do differently behind the same API."""

from __future__ import annotations

import io
import tarfile
from typing import Any, cast

import docker
import pytest

from labctl.engine.containers import client_container
from labctl.engine.docker.containers import container_settings
from labctl.engine.docker.dialect import DOCKER, PODMAN, Dialect, dialect_of, engine_info
from labctl.engine.docker.runtime import DockerRuntime
from labctl.engine.runtime import Busy, ResourceKind
from tests.unit.engine.docker.test_runtime import NETWORK_SPEC, Client, on_network, refusal

# As the engines answer.
DOCKER_SAYS = {
    "Version": "20.10.24+dfsg1", "KernelVersion": "6.1", "Arch": "amd64",
    "Components": [{"Name": "Engine", "Version": "20.10.24"}, {"Name": "containerd"}],
}  # fmt: skip
PODMAN_SAYS = {
    "Version": "4.3.1", "KernelVersion": "6.1", "Arch": "amd64",
    "Components": [{"Name": "Podman Engine", "Version": "4.3.1"}, {"Name": "Conmon"}],
}  # fmt: skip


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


def test_podman_says_in_its_own_words_that_it_will_remove_something_in_a_moment() -> None:
    said = refusal(500, "sending SIGKILL to container 1f: container state improper: stopped")
    client = cast("docker.APIClient", Client(said))
    with pytest.raises(Busy):
        DockerRuntime(client, PODMAN).remove(ResourceKind.CONTAINER, "x")


def test_people_are_told_the_engines_own_command() -> None:
    client = cast("docker.APIClient", Client())
    assert DockerRuntime(client, PODMAN).listing_command("a=b") == "podman ps --filter label=a=b"


@pytest.mark.parametrize(("dialect", "puts"), [(DOCKER, 0), (PODMAN, 2)])
def test_podman_leaves_ipv6_and_writes_no_resolv_conf_so_labctl_does_both(
    dialect: Dialect, puts: int
) -> None:
    client = Client({"Id": "tap-id"})
    client.base_url = "http://elsewhere:2375"  # type: ignore[attr-defined]
    runtime = DockerRuntime(cast("docker.APIClient", client), dialect)
    runtime.create_network(NETWORK_SPEC)
    tap = runtime.create(on_network("tap", "198.18.7.128"))
    runtime.create(client_container("x", name="c", tap=tap, labels={}))
    runtime.create(client_container("x", name="other", tap="elsewhere", labels={}))
    sysctls = client.calls[0][2]["host_config"].get("Sysctls", {})
    assert ("net.ipv6.conf.all.disable_ipv6" in sysctls) is (dialect is PODMAN)
    joins = next(given for name, _, given in client.calls[1:] if name == "create_container")
    assert joins.get("hostname", "") == ("localhost" if dialect is PODMAN else "")
    put = [args for name, args, _ in client.calls if name == "put_archive"]
    assert len(put) == puts
    for container, path, archive in put:
        assert (container, path) == ("tap-id", "/")
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            file = tar.extractfile("etc/resolv.conf")
            assert file
            assert file.read() == (
                b"nameserver 198.18.7.2\noptions timeout:1 attempts:1 no-reload\n"
            )
