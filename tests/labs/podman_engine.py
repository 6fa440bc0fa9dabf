"""A Podman of a test's own: its service in a network namespace of its own, storage in a folder.

Docker and Podman that run side by side as root share the host's firewall: Docker's rules drop what
Podman's containers send to each other. So this one is where no rules of Docker's are.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.labs.conftest import LIMIT_S, Done

_READY_S = 30
_ADDRESS = "192.0.2.33/24"
"""That of the host in its network namespace."""
_SETTINGS = """
[network]
network_backend = "netavark"
network_config_dir = "{folder}/networks"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "capped"
[engine.runtimes]
capped = ["{folder}/capped"]
"""
# Podman gives every container a million open files and processes, and ends if it may not.
_CAPPED = r"""#!/bin/sh
# The OCI runtime, for a root that may not raise its own limits.
previous=
for argument; do
    if [ "$previous" = --bundle ]; then
        sed -Ei 's/("RLIMIT_(NPROC|NOFILE)","hard":)1048576(,"soft":)1048576/\14096\34096/g' \
            "$argument/config.json"
    fi
    previous=$argument
done
exec runc "$@"
"""


@dataclass(frozen=True)
class Podman:
    """A service of Podman that answers. `pid` is its process, `address` where it listens."""

    pid: int
    address: str

    def labctl(self, *args: str | Path) -> Done:
        """Run the command line as on the host of this Podman: in its network namespace."""
        done = subprocess.run(
            ["nsenter", f"--net=/proc/{self.pid}/ns/net",
             sys.executable, "-m", "labctl", *map(str, args)],
            env={**os.environ, "DOCKER_HOST": self.address},
            capture_output=True, text=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip
        return Done(done.returncode, done.stdout, done.stderr)


@contextmanager
def podman() -> Iterator[Podman]:
    """Start a service of Podman; end it, and remove its storage, when the context ends."""
    # Podman takes no folder of more than 50 characters, and those of tests have more.
    with tempfile.TemporaryDirectory(prefix="podman-") as folder, _service(Path(folder)) as made:
        yield made


@contextmanager
def _service(folder: Path) -> Iterator[Podman]:
    """Start a service of Podman that keeps everything in a folder."""
    settings, capped = folder / "containers.conf", folder / "capped"
    settings.write_text(_SETTINGS.format(folder=folder), "utf-8")
    capped.write_text(_CAPPED, "utf-8")
    capped.chmod(0o755)
    listening = folder / "podman.sock"
    service = (
        "ip link set lo up; ip link add one type veth peer name two; ip link set one up; "
        f"ip link set two up; ip address add {_ADDRESS} dev one; exec podman --root {folder}/root "
        f"--runroot {folder}/run system service --time=0 unix://{listening}"
    )
    with (folder / "log").open("wb") as log, subprocess.Popen(
        ["unshare", "--net", "sh", "-c", service],
        env={**os.environ, "CONTAINERS_CONF": str(settings)}, cwd=folder,  # conmon writes there
        stdin=subprocess.DEVNULL, stdout=log, stderr=log,
    ) as process:  # fmt: skip
        try:
            _wait_for(listening, process, folder / "log")
            yield Podman(process.pid, f"unix://{listening}")
        finally:
            process.terminate()
            process.wait()
            subprocess.run(["umount", folder / "root" / "overlay"], check=False)


def _wait_for(listening: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a process listens at a socket."""
    deadline = time.monotonic() + _READY_S
    while True:
        with socket.socket(socket.AF_UNIX) as trying:
            if trying.connect_ex(str(listening)) == 0:
                return
        is_there = process.poll() is None and time.monotonic() < deadline
        assert is_there, log.read_text("utf-8", "replace")
        time.sleep(0.05)


def checks(done: Done) -> dict[str, dict[str, str]]:
    """What `labctl doctor --json` found, by the names of the checks."""
    return {check["name"]: check for check in json.loads(done.out)}
