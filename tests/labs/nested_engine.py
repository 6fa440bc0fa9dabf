"""A Docker engine of a test's own, which may be restarted and killed, beside the machine's.

It has namespaces of its own for networks, mounts and processes: it meets nothing of the machine's
engine, and nothing of it stays when its first process ends.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import docker

_LIMIT_S = 60
_FIRST_PROCESS = """
import signal, subprocess
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for orphans
print(flush=True)
signal.pause()
"""


class NestedEngine:
    """A dockerd that is started and ended at will. What it has stays meanwhile."""

    def __init__(self, folder: Path, first_process: int, storage: str) -> None:
        self._folder = folder
        self._first_process = first_process
        self._storage = storage
        self._running: subprocess.Popen[bytes] | None = None
        self.address = f"unix://{folder}/docker.sock"
        """For DOCKER_HOST."""

    def start(self) -> None:
        """Start it, and wait until it answers."""
        folder = self._folder
        enter = ["nsenter", "-t", str(self._first_process), "-n", "-m", "-p"]
        with (folder / "log").open("ab") as log:
            self._running = subprocess.Popen(
                [
                    *enter, "dockerd", "-H", self.address, "--data-root", str(folder / "data"),
                    "--exec-root", str(folder / "exec"), "--pidfile", str(folder / "pid"),
                    "--config-file", str(folder / "daemon.json"), "--bridge", "none",
                    "--iptables=false", "--ip6tables=false", "--storage-driver", self._storage,
                    "--exec-opt", "native.cgroupdriver=cgroupfs",
                    "--cgroup-parent", f"/{folder.name}",
                ],
                stdout=log, stderr=log,
                env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"},
            )  # fmt: skip
        deadline = time.monotonic() + _LIMIT_S
        while not self._answers():
            words = (folder / "log").read_text("utf-8", "replace")[-2000:]
            assert self._running.poll() is None, words
            assert time.monotonic() < deadline, words
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            self.client().close()
        except docker.errors.DockerException:
            return False
        return True

    def client(self) -> docker.APIClient:
        return docker.APIClient(base_url=self.address, version="auto")

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it by a signal, and wait until it has gone. Nothing happens if it has ended."""
        if self._running is not None and self._running.poll() is None:
            for pid in _children(self._running.pid):
                os.kill(pid, number)
            self._running.wait(_LIMIT_S)

    def load(self, engine: docker.APIClient, images: Iterable[str]) -> None:
        """Copy images from another engine."""
        client = self.client()
        for image in images:
            client.load_image(engine.get_image(image))  # type: ignore[no-untyped-call]
        client.close()


@contextmanager
def nested_engine(storage: str) -> Iterator[NestedEngine]:
    """Start an engine with this storage driver. Root may do that, on Linux."""
    # A short path: that of a socket may have 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="labctl-engine-"))
    (folder / "daemon.json").write_text("{}", "utf-8")
    unshare = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
    outer = subprocess.Popen(
        [*unshare, sys.executable, "-c", _FIRST_PROCESS], stdout=subprocess.PIPE
    )
    try:
        assert outer.stdout is not None
        assert outer.stdout.readline() == b"\n"
        [first_process] = _children(outer.pid)
        engine = NestedEngine(folder, first_process, storage)
        try:
            engine.start()
            yield engine
        finally:
            engine.end(signal.SIGKILL)
    finally:
        outer.kill()
        outer.communicate()
        _remove_cgroups(folder.name)
        shutil.rmtree(folder)


def _children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


def _remove_cgroups(name: str) -> None:
    """Remove the control groups of containers that were killed with their engine, in every
    hierarchy.
    """
    root = Path("/sys/fs/cgroup")
    deadline = time.monotonic() + _LIMIT_S
    for top in (root / name, *root.glob(f"*/{name}")):
        while top.exists() and time.monotonic() < deadline:
            folders = [folder for folder in top.rglob("*") if folder.is_dir()]
            for folder in (*sorted(folders, reverse=True), top):
                with suppress(OSError):  # its processes are just ending
                    folder.rmdir()
