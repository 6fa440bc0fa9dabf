"""How containers are made: the hardening that every one gets, and what each kind adds. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docker.types import (
    EndpointConfig,
    Healthcheck,
    HostConfig,
    LogConfig,
    Ulimit,
)

from labctl.model.compose import Service

CLIENT_USER = "65534:65534"
CLIENT_MEMORY = 256 * 1024 * 1024
CLIENT_PIDS = 64
_NS = 1_000_000_000


def client(
    image: str, *, tap: str, labels: Mapping[str, str], api: str, name: str
) -> dict[str, Any]:
    """A client's container: it joins the tap's network namespace and may do nothing else."""
    host = _host(
        api,
        network_mode=f"container:{tap}",
        read_only=True,
        tmpfs={"/tmp": "size=16m,nr_inodes=1k,mode=1777"},  # noqa: S108 inside the container
        mem_limit=CLIENT_MEMORY,
        memswap_limit=CLIENT_MEMORY,
        pids_limit=CLIENT_PIDS,
        nano_cpus=_NS,
        ulimits=[Ulimit(name="nofile", soft=256, hard=256), Ulimit(name="core", soft=0, hard=0)],
    )
    return _container(image, host, labels, name, stdin=True) | {"user": CLIENT_USER}


def tap(
    image: str, *, network: str, dns: str, lifeline: str, labels: Mapping[str, str], api: str,
    name: str,
) -> dict[str, Any]:  # fmt: skip
    """The tap: it may capture (NET_RAW) and nothing more. Its root is writable for resolv.conf.
    Ports below 1024 are for the privileged, as on a host; engines give them to everybody.
    """
    host = _host(
        api,
        network_mode=network,
        cap_add=["NET_RAW"],
        mem_limit=CLIENT_MEMORY,
        pids_limit=16,
        sysctls={"net.ipv4.ip_unprivileged_port_start": "1024"},
    )
    return _container(image, host, labels, name, stdin=True) | {
        "command": ["tap"],
        "environment": {"LAB_DNS": dns, "LABCTL_LIFELINE": lifeline},
    }


def service(
    spec: Service, *, network: str, address: str | None, environment: Mapping[str, str],
    stdin: bool, labels: Mapping[str, str], api: str, name: str,
) -> dict[str, Any]:  # fmt: skip
    """A service as its Compose entry has it, hardened, at its address in the network."""
    host = _host(
        api,
        network_mode=network,
        cap_add=list(spec.cap_add),
        read_only=spec.read_only,
        tmpfs=dict(_tmpfs(entry) for entry in spec.tmpfs) or None,
        mem_limit=spec.mem_limit,
        pids_limit=spec.pids_limit,
        sysctls=dict(spec.sysctls) or None,
    )
    config = _container(spec.image, host, labels, name, stdin=stdin) | {
        "environment": {**spec.environment, **environment},
    }
    if address is not None:
        endpoint = EndpointConfig(api, ipv4_address=address, aliases=[spec.name, *spec.aliases])
        config["networking_config"] = {"EndpointsConfig": {network: endpoint}}
    optional = {
        "command": list(spec.command),
        "entrypoint": None if spec.entrypoint is None else list(spec.entrypoint),
        "user": spec.user,
        "working_dir": spec.working_dir,
        "healthcheck": _healthcheck(spec),
    }
    return config | {key: value for key, value in optional.items() if value}


def _container(
    image: str, host: HostConfig, labels: Mapping[str, str], name: str, *, stdin: bool
) -> dict[str, Any]:
    return {
        "image": image,
        "name": name,
        "host_config": host,
        "labels": dict(labels),
        "stdin_open": stdin,
        "use_config_proxy": False,
    }


def _host(api: str, **settings: Any) -> HostConfig:
    """What every container of ours has: no capability, no new privileges, no log, no IPC."""
    return HostConfig(
        version=api,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges:true"],
        ipc_mode="none",
        log_config=LogConfig(type="none"),
        **settings,
    )


def _tmpfs(entry: str) -> tuple[str, str]:
    path, _, options = entry.partition(":")
    return path, options


def _healthcheck(spec: Service) -> Healthcheck | None:
    check = spec.healthcheck
    if check is None:
        return None
    return Healthcheck(
        test=check.test if isinstance(check.test, str) else list(check.test),
        interval=int(check.interval * _NS),
        timeout=int(check.timeout * _NS),
        retries=check.retries,
        start_period=int(check.start_period * _NS),
    )
