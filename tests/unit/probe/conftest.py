"""Fixtures that run the probe as the container's entry point would, on this machine's Pythons."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import labctl.probe
from labctl.model.messages import ProbeRequest
from tests.unit.probe.pythons import pythons


@dataclass(frozen=True)
class Probe:
    """The probe on one interpreter; calling it runs a client and returns the report."""

    python: str
    folder: Path
    minor: int
    """13 for 3.13."""

    def __call__(
        self,
        source: str,
        *,
        limit_s: float = 20.0,
        filename: str = "/nowhere/client.py",
        env: dict[str, str] | None = None,
        imports: Sequence[str] = (),
    ) -> dict[str, Any]:
        request = ProbeRequest(
            source=dedent(source),
            filename=filename,
            limit_s=limit_s,
            most_s=20 * limit_s,
            argv=(),
            env=env or {},
            imports=imports,
        )
        report: dict[str, Any] = json.loads(self.raw(request.encode().encode() + b"\n"))
        return report

    def raw(self, request: bytes) -> bytes:
        """The report for that request, as it comes."""
        report, complaint, status = self.run(request)
        assert (complaint, status) == (b"", 0)
        return report

    def run(self, request: bytes) -> tuple[bytes, bytes, int]:
        """stdout, stderr and exit code for a request. If that is a line, stdin stays open, and the
        client begins when it is ready.
        """
        command = [self.python, "-I", "-S", "-B", str(self.folder / "__main__.py")]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdin.write(request)
            process.stdin.flush()
            if not request.endswith(b"\n"):
                process.stdin.close()
            elif process.stdout.readline() == b"ready\n":
                process.stdin.write(b"go\n")
                process.stdin.flush()
            return process.stdout.read(), process.stderr.read(), process.wait()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the probe with bytecode for every Python, as an image has it."""
    copy = tmp_path_factory.mktemp("labctl") / "probe"
    source = Path(labctl.probe.__file__).parent
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for python in pythons().values():
        subprocess.run([python, "-I", "-m", "compileall", "-q", str(copy)], check=True)
    return copy


@pytest.fixture(params=pythons())
def probe(request: pytest.FixtureRequest, folder: Path) -> Probe:
    """The probe on every Python that is there."""
    return Probe(pythons()[request.param], folder, int(request.param[2:]))


@pytest.fixture
def this_probe(folder: Path) -> Probe:
    """The probe on this Python alone, for what takes long or doesn't depend on the version."""
    return Probe(sys.executable, folder, sys.version_info[1])


@pytest.fixture
def refused_port() -> Iterator[int]:
    """A port of 127.0.0.1 where connections are refused: bound, but nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def is_running() -> Callable[[int], bool]:
    """Whether a process is there, and no zombie."""

    def check(pid: int) -> bool:
        try:
            state = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return False
        return state != "Z" and os.getpid() != pid

    return check
