"""The Runtime on a Docker engine whose SDK answers what a test tells it to."""

from __future__ import annotations

import json
from ipaddress import IPv4Network
from typing import Any, cast

import docker
import pytest
import requests
from docker.errors import APIError, ImageNotFound, NotFound

from labctl.engine.docker.runtime import DockerRuntime
from labctl.engine.runtime import (
    Busy,
    CheckResult,
    ContainerSpec,
    ContainerState,
    NetworkSpec,
    OnNetwork,
    Refusal,
    Resource,
    ResourceKind,
)

CONTAINER, NETWORK, VOLUME = ResourceKind


def refusal(status: int, text: str = "no", kind: type[APIError] = APIError) -> APIError:
    response = requests.Response()
    response.status_code = status
    return kind(text, response=response, explanation=text)


class Client:
    """In the place of the SDK's client. `answer` is returned, or raised if it is an exception."""

    api_version = "1.41"

    def __init__(self, answer: object = None) -> None:
        self.answer = answer
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **settings: Any) -> Any:
            self.calls.append((name, args, settings))
            if isinstance(self.answer, BaseException):
                raise self.answer
            return self.answer

        return call

    @property
    def runtime(self) -> DockerRuntime:
        return DockerRuntime(cast("docker.APIClient", self))


@pytest.mark.parametrize(
    ("kind", "call"),
    [
        (CONTAINER, ("remove_container", ("x",), {"v": True, "force": True})),
        (NETWORK, ("remove_network", ("x",), {})),
        (VOLUME, ("remove_volume", ("x",), {"force": True})),
    ],
)
def test_things_are_removed_dead_or_alive(kind: ResourceKind, call: object) -> None:
    client = Client()
    client.runtime.remove(kind, "x")
    assert client.calls == [call]


def test_a_thing_that_has_gone_is_removed() -> None:
    Client(refusal(404, kind=NotFound)).runtime.remove(CONTAINER, "x")


@pytest.mark.parametrize("status", [403, 409])
def test_a_thing_that_is_in_use_for_a_moment_is_busy(status: int) -> None:
    with pytest.raises(Busy, match="in progress"):
        Client(refusal(status, "in progress")).runtime.remove(NETWORK, "x")


@pytest.mark.parametrize(
    "said",
    [
        'container c: driver "vfs" failed to remove root filesystem: directory not empty',
        "unable to remove filesystem for c: device or resource busy",
    ],
)
def test_a_container_whose_files_are_used_for_a_moment_is_busy(said: str) -> None:
    with pytest.raises(Busy, match="remove"):
        Client(refusal(500, said)).runtime.remove(CONTAINER, "c")


def test_any_other_refusal_is_the_engines_own_reason() -> None:
    with pytest.raises(Refusal, match=r"^disk full$") as caught:
        Client(refusal(500, "disk full")).runtime.remove(CONTAINER, "x")
    assert not isinstance(caught.value, Busy)


@pytest.mark.parametrize(
    ("kind", "answer", "id_"),
    [
        (CONTAINER, [{"Id": "c", "Labels": {"a": "b"}}], "c"),
        (NETWORK, [{"Id": "n", "Labels": {"a": "b"}}], "n"),
        (VOLUME, {"Volumes": [{"Name": "v", "Labels": {"a": "b"}}]}, "v"),
    ],
)
def test_things_are_listed_by_label(kind: ResourceKind, answer: object, id_: str) -> None:
    client = Client(answer)
    assert client.runtime.resources(kind, ["a=b", "c"]) == [
        Resource(kind=kind, id=id_, labels={"a": "b"})
    ]
    assert client.calls[0][2]["filters"] == {"label": ["a=b", "c"]}


def test_an_engine_without_volumes_and_things_without_labels() -> None:
    assert Client({"Volumes": None}).runtime.resources(VOLUME, ["a"]) == []
    client = Client([{"Id": "c", "Labels": None}])
    assert client.runtime.resources(CONTAINER, ["a"])[0].labels == {}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (
            {"Running": False, "ExitCode": 137, "OOMKilled": True},
            ContainerState(is_running=False, exit_code=137, is_out_of_memory=True),
        ),
        (
            {"Running": True, "ExitCode": 0, "Health": {"Status": "starting"}},
            ContainerState(is_running=True, is_healthy=None),
        ),
        (
            {"Running": True, "ExitCode": 0, "Health": {"Status": "unhealthy"}},
            ContainerState(is_running=True, is_healthy=False),
        ),
        (
            {"Running": True, "ExitCode": 0, "Health": {"Status": "none"}},
            ContainerState(is_running=True, is_healthy=True),
        ),
        ({"Running": True, "ExitCode": 0, "Health": None}, ContainerState(is_running=True)),
        (
            {"Running": True, "ExitCode": 0, "Health": {"Status": "starting", "Log": None}},
            ContainerState(is_running=True, is_healthy=None),
        ),
        (
            {
                "Running": True,
                "ExitCode": 0,
                "Health": {
                    "Status": "unhealthy",
                    "Log": [
                        {"ExitCode": 1, "Output": "first"},
                        {"ExitCode": 7, "Output": "curl: (7) refused\n"},
                    ],
                },
            },
            ContainerState(
                is_running=True,
                is_healthy=False,
                last_check=CheckResult(exit_code=7, output="curl: (7) refused\n"),
            ),
        ),
        (
            {
                "Running": True,
                "ExitCode": 0,
                "Health": {"Status": "starting", "Log": [{"ExitCode": -1, "Output": "cut off"}]},
            },
            ContainerState(
                is_running=True,
                is_healthy=None,
                last_check=CheckResult(exit_code=None, output="cut off"),
            ),
        ),
    ],
)
def test_the_state_of_a_container(state: dict[str, Any], expected: ContainerState) -> None:
    assert Client({"State": state}).runtime.state("c") == expected


def test_the_labels_of_an_image() -> None:
    assert Client({"Config": {"Labels": {"a": "b"}}}).runtime.image_labels("x") == {"a": "b"}
    assert Client({"Config": {"Labels": None}}).runtime.image_labels("x") == {}
    assert Client({"Config": None}).runtime.image_labels("x") == {}
    assert Client(refusal(404, kind=ImageNotFound)).runtime.image_labels("x") is None


NETWORK_SPEC = NetworkSpec(
    name="lab", subnet=IPv4Network("198.18.7.0/24"), gateway="198.18.7.1", labels={"a": "b"},
)  # fmt: skip


def on_network(name: str, *addresses: str, **settings: Any) -> ContainerSpec:
    place = OnNetwork(
        network="lab", addresses=addresses, name_server="198.18.7.2", names={"web": "198.18.7.64"}
    )
    return ContainerSpec(name=name, image="x", labels={}, place=place, **settings)


def link(settings: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(dict(settings["environment"])["LABCTL_LINK"])
    return told


def test_a_network_is_carried_by_its_first_container_and_the_engine_has_none() -> None:
    client = Client({"Id": "first"})
    runtime = client.runtime
    assert runtime.create_network(NETWORK_SPEC) == "lab"
    assert client.calls == []
    assert runtime.create(on_network("a", "198.18.7.2", "198.18.7.11")) == "first"
    runtime.create(on_network("b", "198.18.7.128"))
    first, second = (settings for _, _, settings in client.calls)
    assert link(first) == {
        "carries": True, "addresses": ["198.18.7.2", "198.18.7.11"], "prefix": 24,
        "gateway": "198.18.7.1", "keeps": False,
    }  # fmt: skip
    assert (link(second)["carries"], link(second)["addresses"]) == (False, ["198.18.7.128"])
    assert "PidMode" not in first["host_config"]
    assert second["host_config"]["PidMode"] == "container:first"
    for settings in (first, second):
        assert settings["host_config"]["NetworkMode"] == "none"
        assert settings["host_config"]["CapAdd"] == ["NET_ADMIN"]
        assert settings["host_config"]["Dns"] == ["198.18.7.2"]
        assert settings["host_config"]["DnsOptions"] == ["timeout:1", "attempts:1", "no-reload"]
        assert "networking_config" not in settings


def test_a_host_knows_itself_and_those_it_is_told_of() -> None:
    client = Client({"Id": "first"})
    runtime = client.runtime
    runtime.create_network(NETWORK_SPEC)
    runtime.create(on_network("a", "198.18.7.2"))
    runtime.create(on_network("b", "198.18.7.3", hostname="web-1", capabilities=("NET_ADMIN",)))
    (_, _, first), (_, _, second) = client.calls
    for settings, address in ((first, "198.18.7.2"), (second, "198.18.7.3")):
        assert sorted(settings["host_config"]["ExtraHosts"]) == sorted(
            [f"{settings['hostname']}:{address}", "web:198.18.7.64"]
        )
    assert len(first["hostname"]) == 12
    assert second["hostname"] == "web-1"
    assert (link(first)["keeps"], link(second)["keeps"]) == (False, True)
    assert second["host_config"]["CapAdd"] == ["NET_ADMIN"]


def test_each_network_has_a_carrier_of_its_own_until_it_is_removed() -> None:
    client = Client({"Id": "first"})
    runtime = client.runtime
    for _ in range(2):
        runtime.create_network(NETWORK_SPEC)
        runtime.create(on_network("a", "198.18.7.2"))
        runtime.remove(ResourceKind.NETWORK, "lab")
    assert [link(settings)["carries"] for _, _, settings in client.calls] == [True, True]
    with pytest.raises(Refusal, match="there is no network lab"):
        runtime.create(on_network("a", "198.18.7.2"))


class Ghosts(Client):
    """Lists containers by their states; those that are named `ghost` are not there."""

    def __init__(self, **states: str) -> None:
        super().__init__()
        self.states = states

    def containers(self, **_: Any) -> list[dict[str, Any]]:
        return [{"Id": name, "State": state, "Labels": {}} for name, state in self.states.items()]

    def inspect_container(self, container: str) -> dict[str, Any]:
        if container == "ghost":
            raise refusal(404, "No such container", kind=NotFound)
        return {}


def test_a_container_that_is_listed_and_not_there_is_left_out() -> None:
    """Seen on Engine 20.10, after removals under load; only its restart ends it."""
    runtime = Ghosts(there="running", going="removing", ghost="removing").runtime
    assert [one.id for one in runtime.resources(CONTAINER, ["x"])] == ["there", "going"]


@pytest.mark.parametrize(
    ("address", "is_here"),
    [
        ("http+docker://localhost", True),
        ("https://127.0.0.1:2376", True),
        ("http+docker://ssh", False),
        ("http://engine.example:2375", False),
    ],
)
def test_an_engine_is_here_if_its_address_says_so(address: str, is_here: bool) -> None:
    client = Client()
    client.base_url = address  # type: ignore[attr-defined]
    assert client.runtime.is_here is is_here


def test_none_is_here_where_engines_are_in_virtual_machines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = Client()
    client.base_url = "http+docker://localhost"  # type: ignore[attr-defined]
    monkeypatch.setattr("sys.platform", "darwin")
    assert not client.runtime.is_here
