"""What the containers of a lab are made with: client, tap, service. Pure, and for any engine."""

from __future__ import annotations

from collections.abc import Mapping

from labctl.engine.runtime import ContainerSpec, InNamespaceOf, OnNetwork
from labctl.model.compose import Service

CLIENT_USER = "65534:65534"
CLIENT_MEMORY = 256 * 1024 * 1024
CLIENT_PROCESSES = 64
CLIENT_FILES = 1024
"""How many files and folders may be in a client's /tmp."""
TAP_PROCESSES = 16
_FIRST_FREE_PORT = "net.ipv4.ip_unprivileged_port_start"
"""The first port that programs without privileges may serve. Not every engine lets them have all
ports in a container of its own.
"""
_UNITS = {"b": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


def client_container(
    image: str, *, name: str, tap: str, labels: Mapping[str, str]
) -> ContainerSpec:
    """Return the spec of a client's container: it joins the network namespace of the container
    `tap`, and may do nothing else.
    """
    return ContainerSpec(
        name=name,
        image=image,
        labels=labels,
        place=InNamespaceOf(container=tap),
        user=CLIENT_USER,
        has_stdin=True,
        is_root_writable=False,
        tmpfs={"/tmp": f"size=16m,nr_inodes={CLIENT_FILES},mode=1777"},  # noqa: S108 inside the container
        memory_bytes=CLIENT_MEMORY,
        has_swap=False,
        process_limit=CLIENT_PROCESSES,
        cpus=1,
    )


def tap_container(
    image: str, *, name: str, network: str, environment: Mapping[str, str],
    labels: Mapping[str, str],
) -> ContainerSpec:  # fmt: skip
    """Return the spec of a tap: it may capture packets (NET_RAW) and nothing more.

    Its root is writable for resolv.conf. Ports below 1024 are for the privileged, as on a host;
    engines give them to everybody.
    """
    return ContainerSpec(
        name=name,
        image=image,
        labels=labels,
        place=OnNetwork(network=network),
        command=("tap",),
        environment=environment,
        has_stdin=True,
        capabilities=("NET_RAW",),
        memory_bytes=CLIENT_MEMORY,
        process_limit=TAP_PROCESSES,
        sysctls={_FIRST_FREE_PORT: "1024"},
    )


def rules_container(
    image: str, *, name: str, tap: str, rules: str, labels: Mapping[str, str]
) -> ContainerSpec:
    """Return the spec of a container that loads nftables rules into the network namespace of the
    container `tap`, and ends. It alone may change rules there (NET_ADMIN).
    """
    return ContainerSpec(
        name=name,
        image=image,
        labels=labels,
        place=InNamespaceOf(container=tap),
        entrypoint=("nft",),
        command=(rules,),
        is_root_writable=False,
        capabilities=("NET_ADMIN",),
        memory_bytes=CLIENT_MEMORY,
        process_limit=TAP_PROCESSES,
    )


def service_container(
    service: Service, *, image: str, name: str, place: OnNetwork | None,
    environment: Mapping[str, str], has_stdin: bool, labels: Mapping[str, str],
) -> ContainerSpec:  # fmt: skip
    """Return the spec of a service, as its Compose entry has it. `image` is what the engine calls
    its image. `environment` is added to that of the entry.
    """
    return ContainerSpec(
        name=name,
        image=image,
        labels=labels,
        place=place,
        entrypoint=service.entrypoint or (),
        command=service.command,
        user=service.user or "",
        working_dir=service.working_dir or "",
        hostname=service.hostname or "",
        stop_signal=service.stop_signal or "",
        has_init=service.init,
        environment={**service.environment, **environment},
        health_check=service.healthcheck,
        has_stdin=has_stdin,
        capabilities=service.cap_add,
        has_ipc=service.shm_size is not None,
        shared_memory_bytes=memory_bytes(service.shm_size) if service.shm_size else None,
        is_root_writable=not service.read_only,
        tmpfs=dict(_tmpfs(entry) for entry in service.tmpfs),
        memory_bytes=memory_bytes(service.mem_limit),
        process_limit=service.pids_limit,
        sysctls={_FIRST_FREE_PORT: "0", **service.sysctls},
    )


def _tmpfs(entry: str) -> tuple[str, str]:
    """Return path and options of a Compose entry for a tmpfs."""
    path, _, options = entry.partition(":")
    return path, options


def memory_bytes(size: str) -> int:
    """Return the bytes of a size in a Compose file, such as `256m`, `1gb` or `1000`."""
    digits = size.rstrip("bkmg")
    unit = size[len(digits) :][:1] or "b"
    return int(digits) * _UNITS[unit]
