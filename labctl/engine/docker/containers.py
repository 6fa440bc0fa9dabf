"""Container specs in the words of Docker's API. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from docker.types import Healthcheck, HostConfig, LogConfig

from labctl.engine.docker.dialect import DOCKER, Dialect
from labctl.engine.resolver import OPTIONS
from labctl.engine.runtime import ContainerSpec, InNamespaceOf
from labctl.model import compose
from labctl.model.messages import Link, Variable

_NANO = 1_000_000_000
_NO_IPV6 = {f"net.ipv6.conf.{which}.disable_ipv6": "1" for which in ("all", "default")}
LINKING = "NET_ADMIN"
"""The capability that a container needs to make its link to the network."""


@dataclass(frozen=True, kw_only=True)
class LinkedHost:
    """What a container on the network of a lab has to know. The engine gives it no network.

    `carrier` is the container that carries the network, whose processes it sees; "" for that one
    itself. `names` are those of others, with their addresses.
    """

    hostname: str
    carrier: str
    link: Link
    name_server: str
    names: Mapping[str, str]
    without_ipv6: bool = False
    """Whether IPv6 is to be taken from it, which a kernel must have for that."""

    @property
    def known(self) -> dict[str, str]:
        """The names that its /etc/hosts has beside localhost, with their addresses: also its
        own.
        """
        addresses = self.link.addresses
        return {**({self.hostname: addresses[0]} if addresses else {}), **self.names}


def container_settings(
    spec: ContainerSpec, api: str, dialect: Dialect = DOCKER, host: LinkedHost | None = None
) -> dict[str, Any]:
    """Return the arguments of docker-py's `create_container`, for a version of the engine's API, in
    its dialect.
    """
    environment = dict(spec.environment)
    if host:
        environment[Variable.LINK] = host.link.encode()
    settings = {
        "image": spec.image,
        "name": spec.name,
        "host_config": _host_config(spec, api, dialect, host),
        "labels": dict(spec.labels),
        "stdin_open": spec.has_stdin,
        "environment": environment,
        "use_config_proxy": False,
    }
    optional = {
        "command": list(spec.command),
        "entrypoint": list(spec.entrypoint),
        "user": spec.user,
        "working_dir": spec.working_dir,
        "hostname": host.hostname if host else _own_name(spec, dialect),
        "stop_signal": spec.stop_signal,
        "healthcheck": _health_check(spec.health_check),
    }
    return settings | {key: value for key, value in optional.items() if value}


def _host_config(
    spec: ContainerSpec, api: str, dialect: Dialect, host: LinkedHost | None
) -> HostConfig:
    """Return Docker's host configuration for a container: its limits, rights and place."""
    return HostConfig(
        version=api,
        network_mode=_network_mode(spec),
        pid_mode=f"container:{host.carrier}" if host and host.carrier else None,
        extra_hosts=host.known if host else None,
        dns=[host.name_server] if host else None,
        dns_opt=list(OPTIONS) if host else None,
        cap_drop=["ALL"],
        cap_add=list(dict.fromkeys([*spec.capabilities, *([LINKING] if host else [])])),
        security_opt=[] if spec.can_gain_privileges else ["no-new-privileges:true"],
        ipc_mode="private" if spec.has_ipc else "none",
        shm_size=spec.shared_memory_bytes,
        init=spec.has_init or None,
        log_config=LogConfig(type="none"),
        read_only=not spec.is_root_writable,
        tmpfs={path: _known(options, dialect) for path, options in spec.tmpfs.items()} or None,
        sysctls={**spec.sysctls, **(_NO_IPV6 if host and host.without_ipv6 else {})} or None,
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


def _own_name(spec: ContainerSpec, dialect: Dialect) -> str:
    """Return what a container without a host of its own is called; "" if the engine says that."""
    is_unknown = dialect.lacks_name_files and isinstance(spec.place, InNamespaceOf)
    return "localhost" if is_unknown else spec.hostname


def _network_mode(spec: ContainerSpec) -> str:
    """Return Docker's name for the network namespace that a container is in: another's, or one of
    its own, with loopback alone.
    """
    place = spec.place
    return f"container:{place.container}" if isinstance(place, InNamespaceOf) else "none"


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
