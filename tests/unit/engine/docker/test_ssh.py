"""Engines over SSH, on a server in this process: reached, refused, or without the package."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import paramiko
import pytest
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from labctl.engine.docker import ssh
from labctl.engine.docker.connect import connect, sdk_errors
from labctl.engine.docker.runtime import DockerRuntime
from labctl.engine.docker.stream import DockerStream
from labctl.engine.runtime import doing
from labctl.errors import EngineError
from tests.unit.engine.docker.test_connect_tcp import engine
from tests.unit.engine.docker.test_stream import frame, soon

LIMIT_S = 20
RELAY = b"docker system dial-stdio"


class Login(paramiko.ServerInterface):
    """Lets one key in, and notes the commands that are asked for."""

    def __init__(self, key: paramiko.PKey, port: int) -> None:
        self.key, self.port = key, port

    def get_allowed_auths(self, _username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, _username: str, key: paramiko.PKey) -> int:
        return AUTH_SUCCESSFUL if key == self.key else AUTH_FAILED

    def check_channel_request(self, _kind: str, _chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        if command != RELAY or not self.port:
            return False
        threading.Thread(target=relay, args=(channel, self.port), daemon=True).start()
        return True


def relay(channel: paramiko.Channel, port: int) -> None:
    """Be `docker system dial-stdio` for an engine on a port: one direction in a thread."""
    with socket.create_connection(("127.0.0.1", port), LIMIT_S) as sock:
        back = threading.Thread(target=copy, args=(sock, channel), daemon=True)
        back.start()
        copy(channel, sock)
        back.join(LIMIT_S)


def copy(source: socket.socket | paramiko.Channel, to: socket.socket | paramiko.Channel) -> None:
    try:
        while data := source.recv(65536):
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)
    except (OSError, EOFError):
        pass  # The other side has gone; EOFError is how paramiko says so.


@contextmanager
def server(key: paramiko.PKey, port: int) -> Iterator[int]:
    """A server of SSH that has an engine on a port, or none; yields its own port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        transports: list[paramiko.Transport] = []

        def serve() -> None:
            peer, _ = listening.accept()
            transports.append(paramiko.Transport(peer))
            transports[0].add_server_key(key)
            transports[0].start_server(server=Login(key, port), event=threading.Event())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            thread.join(LIMIT_S)
            for transport in transports:
                transport.close()


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> paramiko.PKey:
    """A key that the user has, in a home of the test's own."""
    folder = tmp_path / ".ssh"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    made = paramiko.RSAKey.generate(2048)
    made.write_private_key_file(str(folder / "id_rsa"))
    return made


def trust(home: Path, port: int, key: paramiko.PKey) -> None:
    line = f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n"
    (home / ".ssh" / "known_hosts").write_text(line, "ascii")


def refusal(address: str) -> EngineError:
    with pytest.raises(EngineError) as caught:
        connect()
    assert address in caught.value.message
    return caught.value


def test_an_engine_over_ssh(
    key: paramiko.PKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine() as there, server(key, there) as port:
        trust(tmp_path, port, key)
        monkeypatch.setenv("DOCKER_HOST", f"ssh://me@127.0.0.1:{port}")
        client = connect()
        assert DockerRuntime(client).info().version == "27.1"
        client.close()
    assert socket.getdefaulttimeout() is None


def test_a_host_that_is_not_known(key: paramiko.PKey, monkeypatch: pytest.MonkeyPatch) -> None:
    with server(key, 0) as port:
        monkeypatch.setenv("DOCKER_HOST", f"ssh://me@127.0.0.1:{port}")
        error = refusal(f"ssh://me@127.0.0.1:{port}")
    assert "not found in known_hosts" in error.message
    assert f"docker -H ssh://me@127.0.0.1:{port} version" in error.hint


def test_a_host_without_docker(
    key: paramiko.PKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server(key, 0) as port:
        trust(tmp_path, port, key)
        monkeypatch.setenv("DOCKER_HOST", f"ssh://me@127.0.0.1:{port}")
        assert "no Docker engine is reached over SSH" in refusal("ssh://me").message


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("host", ["127.0.0.1:9", "127.0.0.1:port", "me@"])
def test_a_host_that_nobody_answers_at(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"ssh://{host}")
    error = refusal(f"ssh://{host}")
    assert error.exit_code == 4
    assert socket.getdefaulttimeout() is None


def test_an_attached_stream_over_ssh(key: paramiko.PKey, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as there:
        there.settimeout(LIMIT_S)
        with server(key, there.getsockname()[1]) as port, paramiko.SSHClient() as client:
            trust(tmp_path, port, key)
            client.load_host_keys(str(tmp_path / ".ssh" / "known_hosts"))
            client.connect("127.0.0.1", port, "me", pkey=key)
            transport = client.get_transport()
            assert transport is not None
            channel = transport.open_session()
            channel.exec_command(RELAY.decode())
            with there.accept()[0] as container:
                stream = DockerStream(channel)
                container.sendall(frame(1, b"hello\n"))
                assert stream.read_line(deadline=soon()) == b"hello\n"
                stream.send_line("you")
                assert container.recv(4) == b"you\n"
                with pytest.raises(TimeoutError):
                    stream.read_line(deadline=time.monotonic() + 0.1)
                closing = threading.Timer(0.1, stream.close)
                closing.start()
                assert stream.read(limit=9, deadline=None) == b""
                closing.join()


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://me@far")
    monkeypatch.setattr(
        ssh, "find_spec", lambda name: None if name == "paramiko" else find_spec(name)
    )
    error = refusal("ssh://me@far")
    assert "needs the package paramiko" in error.message
    assert "pip install 'labctl[ssh]'" in error.hint


@pytest.mark.parametrize("raised", [paramiko.ChannelException(1, "prohibited"), EOFError("gone")])
def test_what_the_package_raises_becomes_an_engine_error(raised: Exception) -> None:
    with pytest.raises(EngineError, match=r"^doing it: "), doing("doing it"), sdk_errors():
        raise raised
