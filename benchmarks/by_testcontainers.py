"""One attempt by testcontainers-python, without its reaper (whose image is not at hand offline).

Its containers have no attached streams: the client is waited for, and then its log is read. So
the client alone has a log driver.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from docker.types import IPAMConfig, IPAMPool, LogConfig, Ulimit
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

LABELS = {
    "labctl.run": os.environ["BENCH_RUN"],
    "labctl.expires": os.environ["BENCH_EXPIRES"],
}
HARDENED: dict[str, Any] = {
    "labels": LABELS,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "read_only": True,
    "ipc_mode": "none",
}
MEMORY = 256 * 1024 * 1024


def network() -> Network:
    """The lab's network, isolated as labctl's is."""
    return Network(
        docker_network_kw={
            "driver": "bridge",
            "internal": True,
            "options": {"com.docker.network.bridge.inhibit_ipv4": "true"},
            "ipam": IPAMConfig(pool_configs=[IPAMPool(subnet=os.environ["BENCH_SUBNET"])]),
            "labels": LABELS,
        }
    )


def closed(lab: Network) -> DockerContainer:
    """The service."""
    container = DockerContainer(os.environ["BENCH_LAB_IMAGE"], command="script")
    container.with_network(lab).with_network_aliases("closed.lab")
    return container.with_kwargs(**HARDENED, log_config=LogConfig(type="none"))


def client(lab: Network) -> DockerContainer:
    """The client, with labctl's hardening."""
    container = DockerContainer(os.environ["BENCH_CLIENT_IMAGE"]).with_network(lab)
    container.with_tmpfs_mount("/tmp", "size=16m,nr_inodes=1k,mode=1777")  # noqa: S108
    return container.with_kwargs(
        **HARDENED,
        entrypoint=["/labctl/python", "-I", "-c", os.environ["BENCH_SOURCE"]],
        user="65534:65534",
        mem_limit=MEMORY,
        memswap_limit=MEMORY,
        pids_limit=64,
        nano_cpus=1_000_000_000,
        ulimits=[Ulimit(name="nofile", soft=256, hard=256), Ulimit(name="core", soft=0, hard=0)],
    )


def main() -> None:
    with network() as lab, closed(lab), client(lab) as attempt:
        if attempt.wait() != 1:
            sys.exit("the client did not raise")
        sys.stdout.write(attempt.get_logs()[1].decode())
        sys.stdout.flush()


if __name__ == "__main__":
    main()
