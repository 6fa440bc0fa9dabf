"""What the numbers were taken on, without anything that says whose it is."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import docker

_MISSING = "missing"


def describe(client: docker.APIClient) -> list[str]:
    """Lines for the head of the table."""
    info = client.info()
    cores = f"{info['NCPU']} cores ({_cpu()})"
    memory = f"{info['MemTotal'] / 2**30:.0f} GiB"
    drivers = f"storage driver {info['Driver']}, cgroup v{info['CgroupVersion']}"
    tools = [f"{name} {_tool(name)}" for name in ("docker", "docker-compose")]
    tools.append(f"testcontainers {_testcontainers()}")
    return [
        f"machine  {cores}, {memory}, Linux {info['KernelVersion']}",
        f"engine   Docker {info['ServerVersion']}, {drivers}",
        f"beside   {', '.join(tools)}",
        f"python   {platform.python_version()} for labctl and testcontainers",
    ]


def load() -> str:
    """How busy the machine is: the mean number of processes that ran over the last minute."""
    return f"{os.getloadavg()[0]:.1f}"


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _tool(name: str) -> str:
    """`docker-compose version 1.29.2, build unknown` -> `1.29.2`."""
    try:
        said = subprocess.run(
            [name, "--version"], capture_output=True, text=True, check=True
        ).stdout
    except FileNotFoundError:
        return _MISSING
    return said.partition("version ")[2].split(",")[0].strip()


def _testcontainers() -> str:
    try:
        return version("testcontainers")
    except PackageNotFoundError:
        return _MISSING
