"""Engines that aren't there, hang or refuse: one message each, exit code 4."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker.errors import APIError, NotFound

from labctl.engine.docker.connect import connect, sdk_errors
from labctl.engine.runtime import doing
from labctl.errors import EngineError


@pytest.fixture
def socket_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "engine.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    return path


@pytest.fixture
def silent_engine(socket_path: Path) -> Iterator[Path]:
    """Takes connections and never says a word."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(socket_path))
        server.listen()
        yield socket_path


def refusal() -> EngineError:
    with pytest.raises(EngineError) as caught:
        connect(timeout_s=1)
    return caught.value


def test_an_engine_that_is_not_there(socket_path: Path) -> None:
    error = refusal()
    assert error.message == f"no Docker engine answers at unix://{socket_path}"
    assert "./bootstrap" in error.hint
    assert error.exit_code == 4


@pytest.mark.usefixtures("silent_engine")
def test_an_engine_that_hangs(socket_path: Path) -> None:
    assert refusal().message == (
        f"the Docker engine at unix://{socket_path} did not answer within 1 s"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become someone without permission")
def test_an_engine_that_denies_permission(silent_engine: Path) -> None:
    silent_engine.chmod(0o600)
    silent_engine.parent.chmod(0o755)
    os.seteuid(65534)
    try:
        error = refusal()
    finally:
        os.seteuid(0)
    assert "no permission to use the Docker engine" in error.message
    assert "docker group" in error.hint


def test_an_engine_that_talks_nonsense(socket_path: Path) -> None:
    def babble(server: socket.socket) -> None:
        peer, _ = server.accept()
        with peer:
            peer.recv(1000)
            peer.sendall(b"SSH-2.0-OpenSSH\r\n")

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(socket_path))
        server.listen()
        thread = threading.Thread(target=babble, args=(server,))
        thread.start()
        error = refusal()
        thread.join()
    assert error.message.startswith(f"the Docker engine at unix://{socket_path} cannot be used")


def test_a_docker_host_that_is_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://")
    assert "Docker" in refusal().message


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (NotFound("x", explanation="No such container: abc"), "doing it: No such container: abc"),
        (APIError("x", explanation="no space left"), "doing it: no space left"),
        (OSError("broken"), "doing it: broken"),
    ],
)
def test_what_the_sdk_raises_becomes_an_engine_error(raised: Exception, message: str) -> None:
    with pytest.raises(EngineError) as caught, doing("doing it"), sdk_errors():
        raise raised
    assert caught.value.message == message
