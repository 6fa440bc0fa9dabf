"""Engines that aren't there, hang or refuse: one message each, exit code 4."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from docker.errors import APIError, DockerException, NotFound

from labctl.engine.docker import connect as connect_module
from labctl.engine.docker import places as places_module
from labctl.engine.docker.connect import connect, sdk_errors
from labctl.engine.docker.runtime import DockerRuntime
from labctl.engine.runtime import Unreachable, doing
from labctl.errors import EngineError, EngineGone
from tests.unit.nobody import as_nobody


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
    with as_nobody():
        error = refusal()
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


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """The places where Docker and Podman listen, where nothing is yet."""
    for name in places_module.NAMING:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    docker_socket = tmp_path / "docker.sock"
    monkeypatch.setattr(places_module, "DOCKER_SOCKET", docker_socket)
    podman_socket = tmp_path / "podman" / "podman.sock"
    podman_socket.parent.mkdir()

    def nobody(*, base_url: str, **_: object) -> None:
        raise DockerException(base_url)

    monkeypatch.setattr(connect_module, "_Client", nobody)
    return {
        "docker": docker_socket,
        "podman": podman_socket,
        "settings": tmp_path / "config.json",
    }


def test_where_no_engine_can_be_it_is_known_without_the_sdk(places: dict[str, Path]) -> None:
    with pytest.raises(EngineError) as caught:
        places_module.check_places()
    assert caught.value.message == f"no Docker engine answers at unix://{places['docker']}"
    assert "./bootstrap" in caught.value.hint


@pytest.mark.parametrize("place", ["docker", "podman", "settings"])
def test_where_one_may_be_it_is_asked(places: dict[str, Path], place: str) -> None:
    places[place].touch()
    places_module.check_places()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become someone without permission")
def test_where_a_user_may_not_look_there_is_nothing(
    places: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with sudo -u, which may keep somebody else's HOME."""
    closed = places["settings"].parent / "closed"
    closed.mkdir(mode=0o700)
    (closed / "config.json").touch()
    monkeypatch.setenv("DOCKER_CONFIG", str(closed))
    with as_nobody(), pytest.raises(EngineError, match="no Docker engine answers"):
        places_module.check_places()


@pytest.mark.usefixtures("places")
@pytest.mark.parametrize("variable", places_module.NAMING)
def test_one_that_is_named_is_asked(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "tcp://127.0.0.1:1")
    places_module.check_places()


def test_podman_is_taken_where_no_docker_is(places: dict[str, Path]) -> None:
    assert "unix:///var/run/docker.sock" in refusal().message
    places["podman"].touch()
    assert f"unix://{places['podman']}" in refusal().message
    places["docker"].touch()
    assert "unix:///var/run/docker.sock" in refusal().message


def test_podmans_own_variable_comes_before_its_usual_places(
    places: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    places["podman"].touch()
    monkeypatch.setenv("CONTAINER_HOST", "tcp://127.0.0.1:1")
    assert "tcp://127.0.0.1:1" in refusal().message


def test_an_engine_that_is_named_is_the_one_that_is_meant(
    places: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    places["podman"].touch()
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:2")
    assert "tcp://127.0.0.1:2" in refusal().message


class Answer(BaseHTTPRequestHandler):
    """Answers what labctl asks at first, and requests for events with none."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        is_events = "/events" in self.path
        body = b"" if is_events else b'{"ApiVersion": "1.41"}'
        self.send_response(200)
        if is_events:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Tests are quiet."""


class TalkingEngine(ThreadingHTTPServer):
    """An engine that can end all connections at once, as one that is restarted does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self._sockets: list[socket.socket] = []

    def get_request(self) -> tuple[socket.socket, Any]:
        accepted, address = super().get_request()
        self._sockets.append(accepted)
        return accepted, address

    def handle_error(self, request: object, client_address: object) -> None:
        """Connections that were ended are meant to be."""

    def end_connections(self) -> None:
        for one in self._sockets:
            with suppress(OSError):  # it has ended already
                one.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def talking_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[TalkingEngine]:
    """One that answers until the test ends."""
    with TalkingEngine() as engine:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{engine.server_address[1]}")
        thread = threading.Thread(target=engine.serve_forever)
        thread.start()
        try:
            yield engine
        finally:
            engine.end_connections()
            engine.shutdown()
            thread.join()


def test_a_connection_shows_that_the_engine_ended_it(talking_engine: TalkingEngine) -> None:
    with closing(connect()) as client:
        runtime = DockerRuntime(client)
        runtime.ping()
        with closing(runtime.connect()) as connection:
            assert connection.is_open()
            talking_engine.end_connections()
            assert not connection.is_open()


def test_an_engine_that_went_away_is_unreachable(
    talking_engine: TalkingEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with closing(connect()) as client:
        # That another engine answers says nothing of this one.
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/another")
        DockerRuntime(client).ping()
        talking_engine.shutdown()
        talking_engine.server_close()
        with pytest.raises(Unreachable, match="no Docker engine answers at tcp://127"):
            DockerRuntime(client).ping()


@pytest.mark.parametrize(
    "error", [requests.ConnectionError("refused"), ConnectionResetError("reset")]
)
def test_a_connection_that_breaks_off_is_told_apart(error: Exception) -> None:
    expected = pytest.raises(EngineGone, match="making it: the engine does not answer: re")
    with expected, doing("making it"), sdk_errors():
        raise error
