"""What Docker is asked for, of each container of a lab."""

from __future__ import annotations

from typing import Any

import pytest

from labctl.engine.containers import client_container, service_container, tap_container
from labctl.engine.docker.containers import container_settings
from labctl.engine.runtime import ContainerSpec, InNamespaceOf, OnNetwork
from labctl.model.compose import Healthcheck, Service

API = "1.41"
LABELS = {"labctl.run": "beef"}
BARE = ContainerSpec(name="bare", image="x", labels=LABELS)
CLIENT = client_container("labctl/client:3.13", name="c", tap="tap-id", labels=LABELS)
TAP = tap_container(
    "labctl/lab",
    name="t",
    place=OnNetwork(network="lab", addresses=("198.18.7.128",), name_server="198.18.7.2"),
    environment={"LABCTL_LIFELINE": "cut"},
    labels=LABELS,
)


def service(**settings: Any) -> dict[str, Any]:
    return container_settings(
        service_container(
            Service(name="web", image="own/web", **settings),
            image="own/web",
            name="w",
            place=OnNetwork(network="lab", addresses=("198.18.7.11",), name_server="198.18.7.2"),
            environment={"LAB_ZONE": "x"},
            has_stdin=True,
            labels=LABELS,
        ),
        API,
    )


@pytest.mark.parametrize("spec", [BARE, CLIENT, TAP])
def test_every_container_is_hardened(spec: ContainerSpec) -> None:
    settings = container_settings(spec, API)
    host = settings["host_config"]
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["IpcMode"] == "none"
    assert host["LogConfig"]["Type"] == "none"
    assert settings["use_config_proxy"] is False
    assert settings["labels"] == LABELS


def test_a_client_may_do_nothing() -> None:
    settings = container_settings(CLIENT, API)
    host = settings["host_config"]
    assert settings["user"] == "65534:65534"
    assert host["NetworkMode"] == "container:tap-id"
    assert host.get("CapAdd", []) == []
    assert host["ReadonlyRootfs"] is True
    assert host["Memory"] == host["MemorySwap"] == 256 << 20
    assert (host["PidsLimit"], host["NanoCpus"]) == (64, 10**9)
    assert host["Tmpfs"] == {"/tmp": "size=16m,nr_inodes=1024,mode=1777"}


def test_a_tap_may_capture() -> None:
    settings = container_settings(TAP, API)
    assert settings["host_config"]["CapAdd"] == ["NET_RAW"]
    assert settings["environment"] == {"LABCTL_LIFELINE": "cut"}


def test_a_container_without_a_place_has_no_network() -> None:
    assert container_settings(BARE, API)["host_config"]["NetworkMode"] == "none"


def test_a_service_as_its_entry_has_it() -> None:
    settings = service(
        command="serve --all", cap_add=("NET_ADMIN",), read_only=True, tmpfs="/run:size=1m",
        environment={"A": "b"}, mem_limit="1gb", user="1000", working_dir="/srv",
        healthcheck=Healthcheck(test="true", interval=0.5),
    )  # fmt: skip
    host = settings["host_config"]
    assert settings["command"] == ["serve", "--all"]
    assert settings["environment"] == {"A": "b", "LAB_ZONE": "x"}
    assert (settings["user"], settings["working_dir"]) == ("1000", "/srv")
    assert settings["healthcheck"]["Interval"] == 500_000_000
    assert (host["CapAdd"], host["ReadonlyRootfs"]) == (["NET_ADMIN"], True)
    assert (host["Memory"], host["Tmpfs"]) == (1 << 30, {"/run": "size=1m"})


def test_on_the_host_of_another_container_a_service_says_nothing_of_the_host() -> None:
    spec = service_container(
        Service(name="web", image="own/web", hostname="web-1", sysctls={"net.core.somaxconn": "9"}),
        image="own/web",
        name="w",
        place=InNamespaceOf(container="holder"),
        environment={},
        has_stdin=False,
        labels=LABELS,
    )
    settings = container_settings(spec, API)
    assert settings["host_config"]["NetworkMode"] == "container:holder"
    assert ("hostname" in settings, "Sysctls" in settings["host_config"]) == (False, False)


@pytest.mark.parametrize(
    ("written", "grace_s"),
    [
        ({}, 60),
        ({"start_period": 5.0}, 60),
        ({"start_period": 90.0}, 90),
        ({"interval": 1.0}, 0),
        ({"interval": 0.5, "start_period": 5.0}, 5),
    ],
)
def test_failures_of_a_check_count_early_only_if_the_file_names_the_interval(
    written: dict[str, float], grace_s: int
) -> None:
    check = service(healthcheck=Healthcheck.model_validate({"test": "true", **written}))[
        "healthcheck"
    ]
    assert check["StartPeriod"] == grace_s * 10**9


def test_a_health_check_has_the_defaults_of_compose_but_for_the_interval() -> None:
    check = service(healthcheck=Healthcheck(test="true"))["healthcheck"]
    assert (check["Retries"], check["Timeout"], check["Interval"]) == (3, 30 * 10**9, 10**9)


def test_a_service_that_names_host_init_and_signal() -> None:
    settings = service(hostname="web-1", init=True, stop_signal="SIGINT")
    assert (settings["hostname"], settings["stop_signal"]) == ("web-1", "SIGINT")
    assert settings["host_config"]["Init"] is True


def test_a_service_with_shared_memory_has_it_for_itself() -> None:
    host = service(shm_size="32m", mem_limit="64m")["host_config"]
    assert (host["ShmSize"], host["IpcMode"]) == (32 << 20, "private")
    host = service()["host_config"]
    assert ("ShmSize" in host, host["IpcMode"]) == (False, "none")


def test_what_an_entry_does_not_say_is_the_images_own() -> None:
    settings = service()
    keys = {"command", "entrypoint", "user", "working_dir", "healthcheck", "hostname"}
    assert {*keys, "stop_signal"}.isdisjoint(settings)
    assert "Init" not in settings["host_config"]


@pytest.mark.parametrize(
    ("size", "number"),
    [("1000", 1000), ("1b", 1), ("2k", 2048), ("256m", 256 << 20), ("1gb", 1 << 30)],
)
def test_sizes_of_memory(size: str, number: int) -> None:
    assert service(mem_limit=size)["host_config"]["Memory"] == number
