"""What the containers of a lab are made with: client, tap, service. Pure, and for any engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from labctl.engine.runtime import ContainerSpec, InNamespaceOf, OnNetwork
from labctl.model.compose import Service
from labctl.model.messages import Lifeline, Program, Variable, host_programs

CLIENT_USER = "65534:65534"
CLIENT_MEMORY = 256 * 1024 * 1024
CLIENT_PROCESSES = 64
CLIENT_FILES = 1024
"""How many files and folders may be in a client's /tmp."""
TAP_PROCESSES = 16
_FIRST_FREE_PORT = "net.ipv4.ip_unprivileged_port_start"
_SYSCTLS = {
    # All ports may be served without privileges. Not every engine allows that by itself.
    _FIRST_FREE_PORT: "0",
    # Quick repeats get their ICMP error, too.
    "net.ipv4.icmp_ratelimit": "0",
}
"""What holds for hosts of services, unless their entries say something else."""
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
    image: str, *, name: str, place: OnNetwork, environment: Mapping[str, str],
    labels: Mapping[str, str],
) -> ContainerSpec:  # fmt: skip
    """Return the spec of a tap: it may capture packets (NET_RAW) and nothing more.

    Ports below 1024 are for the privileged, as on a host;
    engines give them to everybody.
    """
    return ContainerSpec(
        name=name,
        image=image,
        labels=labels,
        place=place,
        command=("tap",),
        environment=environment,
        has_stdin=True,
        is_root_writable=False,
        capabilities=("NET_RAW",),
        memory_bytes=CLIENT_MEMORY,
        process_limit=TAP_PROCESSES,
        sysctls={_FIRST_FREE_PORT: "1024"},
    )


def host_container(
    image: str, *, name: str, place: OnNetwork, services: Sequence[Service],
    programs: Mapping[str, Program], environment: Mapping[str, str], labels: Mapping[str, str],
) -> ContainerSpec:  # fmt: skip
    """Return the spec of the host that services share, with their programs. `image` is what the
    engine calls the lab's own. All programs have the `environment`, and each its own beside it.
    """
    return ContainerSpec(
        name=name,
        image=image,
        labels=labels,
        place=place,
        command=("host",),
        environment={**environment, Variable.PROGRAMS: host_programs(programs)},
        has_stdin=True,
        is_root_writable=False,
        memory_bytes=CLIENT_MEMORY + sum(memory_bytes(one.mem_limit) for one in services),
        process_limit=TAP_PROCESSES + sum(one.pids_limit for one in services),
        sysctls=_SYSCTLS,
    )


def holder_container(
    service: Service, *, image: str, name: str, place: OnNetwork, lifeline: Lifeline,
    labels: Mapping[str, str],
) -> ContainerSpec:  # fmt: skip
    """Return the spec of a container that holds the host of a service whose own program can't make
    a link to the network. `image` is what the engine calls the lab's own.
    """
    return replace(
        host_container(
            image, name=name, place=place, services=(), programs={},
            environment={Variable.LIFELINE: lifeline}, labels=labels,
        ),
        hostname=service.hostname or "",
        sysctls=service_sysctls(service),
    )  # fmt: skip


def service_container(
    service: Service, *, image: str, name: str, place: OnNetwork | InNamespaceOf | None,
    environment: Mapping[str, str], has_stdin: bool, labels: Mapping[str, str],
) -> ContainerSpec:  # fmt: skip
    """Return the spec of a service, as its Compose entry has it. `image` is what the engine calls
    its image. `environment` is added to that of the entry. On a host that another container holds,
    what the entry says of the host is that one's.
    """
    has_host = not isinstance(place, InNamespaceOf)
    return ContainerSpec(
        name=name,
        image=image,
        labels=labels,
        place=place,
        entrypoint=service.entrypoint or (),
        command=service.command,
        user=service.user or "",
        working_dir=service.working_dir or "",
        hostname=(service.hostname or "") if has_host else "",
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
        sysctls=service_sysctls(service) if has_host else {},
    )


def service_sysctls(service: Service | None = None) -> dict[str, str]:
    """Return the parameters of the kernel on the host of a service, or of one without any wish."""
    return {**_SYSCTLS, **(service.sysctls if service else {})}


def _tmpfs(entry: str) -> tuple[str, str]:
    """Return path and options of a Compose entry for a tmpfs."""
    path, _, options = entry.partition(":")
    return path, options


def memory_bytes(size: str) -> int:
    """Return the bytes of a size in a Compose file, such as `256m`, `1gb` or `1000`."""
    digits = size.rstrip("bkmg")
    unit = size[len(digits) :][:1] or "b"
    return int(digits) * _UNITS[unit]
