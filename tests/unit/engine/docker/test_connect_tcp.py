"""Engines on TCP, with TLS and without: no variable for the web leads astray, or is believed."""

from __future__ import annotations

import hashlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import docker
import pytest

from labctl.engine.docker.connect import connect
from labctl.engine.docker.runtime import DockerRuntime
from labctl.errors import EngineError
from tests.engine_certificates import write_certificates

BUNDLES = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
PROXIES = [
    name for word in ("http", "https", "all") for name in (f"{word}_proxy", f"{word}_proxy".upper())
]
NOBODY = "http://127.0.0.1:9"
VERSION = {"Version": "27.1", "ApiVersion": "1.44", "Arch": "amd64"}


Named = Callable[[pytest.MonkeyPatch, int, Path], None]
"""Tells labctl of an engine: its port, and the folder of its certificates."""


class Engine(BaseHTTPRequestHandler):
    """Answers every request with the version of an engine."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = json.dumps(VERSION).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


@contextmanager
def engine(certificates: Path | None = None) -> Iterator[int]:
    """The port of an engine; behind TLS, it asks for a client's certificate."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Engine) as server:
        if certificates:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificates / "server.pem")
            context.load_verify_locations(certificates / "ca.pem")
            context.verify_mode = ssl.CERT_REQUIRED
            server.socket = context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        serving = threading.Thread(target=server.serve_forever, args=(0.02,))
        serving.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            serving.join()


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*BUNDLES, *PROXIES, "NO_PROXY", "no_proxy", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    for name in ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "config"))


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """The certificates of an engine."""
    return certificates(tmp_path / "ours")


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """Those of another one, whose authority has the same name."""
    return certificates(tmp_path / "theirs")


def certificates(folder: Path) -> Path:
    folder.mkdir()
    write_certificates(folder)
    return folder


def by_environment(monkeypatch: pytest.MonkeyPatch, port: int, folder: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"tcp://localhost:{port}")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(folder))


def by_context(monkeypatch: pytest.MonkeyPatch, port: int, folder: Path) -> None:
    config = folder / "config"
    config.mkdir()
    (config / "config.json").write_text(json.dumps({"currentContext": "far"}))
    monkeypatch.setenv("DOCKER_CONFIG", str(config))
    pair = (str(folder / "cert.pem"), str(folder / "key.pem"))
    tls = docker.TLSConfig(client_cert=pair, ca_cert=str(folder / "ca.pem"), verify=True)
    docker.ContextAPI.create_context("far", host=f"tcp://localhost:{port}", tls_cfg=tls)


@pytest.mark.parametrize("named", [by_environment, by_context])
@pytest.mark.parametrize("bundle", BUNDLES)
def test_the_engines_own_authority_counts_and_not_that_of_the_web(
    monkeypatch: pytest.MonkeyPatch, ours: Path, theirs: Path, bundle: str, named: Named
) -> None:
    with engine(ours) as port:
        named(monkeypatch, port, ours)
        monkeypatch.setenv(bundle, str(theirs / "ca.pem"))
        assert DockerRuntime(connect()).info().version == "27.1"


@pytest.mark.parametrize("named", [by_environment, by_context])
@pytest.mark.parametrize("bundle", BUNDLES)
def test_an_engine_with_a_certificate_of_the_web_alone_is_refused(
    monkeypatch: pytest.MonkeyPatch, ours: Path, theirs: Path, bundle: str, named: Named
) -> None:
    (theirs / "server.pem").rename(ours / "server.pem")  # it takes the certificates of our clients
    with engine(ours) as port:
        named(monkeypatch, port, ours)
        monkeypatch.setenv(bundle, str(theirs / "ca.pem"))
        with pytest.raises(EngineError, match="certificate verify failed"):
            connect()


@pytest.mark.parametrize("proxy", PROXIES)
def test_an_engine_is_asked_without_a_proxy(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    with engine() as port:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{port}")
        monkeypatch.setenv(proxy, NOBODY)
        assert DockerRuntime(connect()).info().version == "27.1"


@pytest.mark.parametrize("proxy", PROXIES)
def test_an_engine_behind_tls_is_asked_without_a_proxy(
    monkeypatch: pytest.MonkeyPatch, ours: Path, proxy: str
) -> None:
    with engine(ours) as port:
        by_environment(monkeypatch, port, ours)
        monkeypatch.setenv(proxy, NOBODY)
        assert DockerRuntime(connect()).info().version == "27.1"


def add_context(config: Path, name: str, host: str) -> None:
    """Write a context as `docker context create` does: the SDK writes another address."""
    folder = config / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    folder.mkdir(parents=True)
    endpoints = {"docker": {"Host": host, "SkipTLSVerify": False}}
    meta = {"Name": name, "Metadata": {}, "Endpoints": endpoints}
    (folder / "meta.json").write_text(json.dumps(meta))


def test_the_context_of_the_environment_comes_before_the_current_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "near"}))
    with engine() as near, engine() as far:
        add_context(tmp_path, "near", f"tcp://127.0.0.1:{near}")
        add_context(tmp_path, "far", f"tcp://127.0.0.1:{far}")
        assert str(near) in connect().base_url
        monkeypatch.setenv("DOCKER_CONTEXT", "far")
        assert str(far) in connect().base_url
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{near}")
        assert str(near) in connect().base_url


@pytest.mark.parametrize(
    ("chosen", "said"),
    [("nowhere", "there is no Docker context called nowhere"), ("", "the current one is missing")],
)
def test_a_context_that_is_not_there_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, chosen: str, said: str
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("DOCKER_CONTEXT", chosen)
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "lost"}))
    with pytest.raises(EngineError) as caught:
        connect()
    assert caught.value.message == f"the Docker settings cannot be used: {said}"
    assert "docker context ls" in caught.value.hint
