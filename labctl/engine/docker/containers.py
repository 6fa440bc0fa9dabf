"""Container specs in the words of Docker's API. Pure."""

from __future__ import annotations

from typing import Any

from docker.types import EndpointConfig, Healthcheck, HostConfig, LogConfig

from labctl.engine.docker.dialect import DOCKER, Dialect
from labctl.engine.runtime import ContainerSpec, InNamespaceOf, OnNetwork
from labctl.model import compose

_NANO = 1_000_000_000


def container_settings(spec: ContainerSpec, api: str, dialect: Dialect = DOCKER) -> dict[str, Any]:
    """Return the arguments of docker-py's `create_container`, for a version of the engine's API, in
    its dialect.
    """
    settings = {
        "image": spec.image,
        "name": spec.name,
        "host_config": _host_config(spec, api, dialect),
        "labels": dict(spec.labels),
        "stdin_open": spec.has_stdin,
        "environment": dict(spec.environment),
        "use_config_proxy": False,
    }
    place = spec.place
    if isinstance(place, OnNetwork) and place.address is not None:
        endpoint = EndpointConfig(api, ipv4_address=place.address, aliases=list(place.aliases))
        settings["networking_config"] = {"EndpointsConfig": {place.network: endpoint}}
    optional = {
        "command": list(spec.command),
        "entrypoint": list(spec.entrypoint),
        "user": spec.user,
        "working_dir": spec.working_dir,
        "hostname": spec.hostname,
        "stop_signal": spec.stop_signal,
        "healthcheck": _health_check(spec.health_check),
    }
    return settings | {key: value for key, value in optional.items() if value}


def _host_config(spec: ContainerSpec, api: str, dialect: Dialect) -> HostConfig:
    """Return Docker's host configuration for a container: its limits, rights and place."""
    return HostConfig(
        version=api,
        network_mode=_network_mode(spec),
        cap_drop=["ALL"],
        cap_add=list(spec.capabilities),
        security_opt=[] if spec.can_gain_privileges else ["no-new-privileges:true"],
        ipc_mode="private" if spec.has_ipc else "none",
        shm_size=spec.shared_memory_bytes,
        init=spec.has_init or None,
        log_config=LogConfig(type="none"),
        read_only=not spec.is_root_writable,
        tmpfs={path: _known(options, dialect) for path, options in spec.tmpfs.items()} or None,
        sysctls=dict(spec.sysctls) or None,
        mem_limit=spec.memory_bytes,
        memswap_limit=None if spec.has_swap else spec.memory_bytes,
        pids_limit=spec.process_limit,
        nano_cpus=None if spec.cpus is None else int(spec.cpus * _NANO),
    )


def _known(options: str, dialect: Dialect) -> str:
    """Return the mount options that the engine knows: `size=16m,mode=1777`."""
    known = (
        one for one in options.split(",") if one.split("=")[0] not in dialect.unknown_mount_options
    )
    return ",".join(known)


def _network_mode(spec: ContainerSpec) -> str:
    """Return Docker's name for the network or the namespace that a container is in."""
    if isinstance(spec.place, InNamespaceOf):
        return f"container:{spec.place.container}"
    return "none" if spec.place is None else spec.place.network


def _health_check(check: compose.Healthcheck | None) -> Healthcheck | None:
    """Return a Compose health check as Docker's, with times in nanoseconds."""
    if check is None:
        return None
    return Healthcheck(
        test=check.test if isinstance(check.test, str) else list(check.test),
        interval=int(check.interval * _NANO),
        timeout=int(check.timeout * _NANO),
        retries=check.retries,
        start_period=int(check.grace_s * _NANO),
    )
