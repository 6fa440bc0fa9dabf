"""The command line as people use it, beside an engine that notes whether anybody asks it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from labctl.__main__ import main
from labctl.engine import access
from labctl.engines import ENGINE_VARIABLE

LIMIT_S = 60


@dataclass(frozen=True)
class Done:
    """A labctl that has ended."""

    code: int
    out: str
    err: str


Labctl = Callable[..., Done]


@pytest.fixture
def labctl(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Labctl:
    """Runs the command line in this process, each time as if it were a new one."""

    def run(*args: str | Path) -> Done:
        monkeypatch.setattr(sys, "argv", ["labctl", *map(str, args)])
        monkeypatch.setattr(access, "_told", threading.Event())
        capsys.readouterr()
        chosen = os.environ.get(ENGINE_VARIABLE, "")
        on_interrupt = signal.getsignal(signal.SIGINT)
        with pytest.raises(SystemExit) as ended:
            main()
        signal.signal(signal.SIGINT, on_interrupt)
        os.environ[ENGINE_VARIABLE] = chosen
        assert isinstance(ended.value.code, int)
        return Done(ended.value.code, *capsys.readouterr())

    return run


def command(*args: str | Path) -> list[str]:
    return [sys.executable, "-m", "labctl", *map(str, args)]


def process(*args: str | Path, **env: str) -> Done:
    """Runs the command line as a process of its own."""
    done = subprocess.run(
        command(*args),
        capture_output=True,
        env={**os.environ, **env},
        timeout=LIMIT_S,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


@dataclass(frozen=True)
class Listener:
    """In the place of an engine: connections are taken, never answered, and open until the end."""

    server: socket.socket
    address: str
    peers: ExitStack

    @property
    def was_asked(self) -> bool:
        """Whether anybody has connected."""
        try:
            peer, _ = self.server.accept()
        except BlockingIOError:
            return False
        # An engine that closed it would be one that is not there, and waiting for it would end.
        self.peers.enter_context(peer)
        return True


@pytest.fixture(autouse=True)
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """The engine that DOCKER_HOST names."""
    path = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX) as server, ExitStack() as peers:
        server.bind(str(path))
        server.listen()
        server.setblocking(False)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        yield Listener(server, f"unix://{path}", peers)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: empty, and the test's own."""
    own = tmp_path / "folder"
    own.mkdir()
    monkeypatch.chdir(own)
    return own
