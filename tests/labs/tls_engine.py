"""The engine behind TLS on a TCP port, as docker:dind serves it to a job of GitLab CI."""

from __future__ import annotations

import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import docker

from tests.engine_certificates import write_certificates

_CHUNK = 65536


@contextmanager
def behind_tls(engine: docker.APIClient, folder: Path) -> Iterator[dict[str, str]]:
    """The variables that lead labctl there, while this lasts. `folder` gets the certificates."""
    write_certificates(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(
            target=_accept, args=(listening, context, socket_path(engine)), daemon=True
        ).start()
        try:
            yield {
                "DOCKER_HOST": f"tcp://localhost:{listening.getsockname()[1]}",
                "DOCKER_TLS_VERIFY": "1",
                "DOCKER_CERT_PATH": str(folder),
            }
        finally:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)


def socket_path(engine: docker.APIClient) -> str:
    """Where the engine's socket is; docker-py tells only what its requests are sent to."""
    adapter = engine.get_adapter(f"{engine.base_url}/")
    path = str(getattr(adapter, "socket_path", "") or urlsplit(engine.base_url).path)
    return path if path.startswith("/") else f"/{path}"


def _accept(listening: socket.socket, context: ssl.SSLContext, path: str) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=_serve, args=(connection, context, path), daemon=True).start()


def _serve(connection: socket.socket, context: ssl.SSLContext, path: str) -> None:
    with (
        suppress(OSError),
        context.wrap_socket(connection, server_side=True) as client,
        socket.socket(socket.AF_UNIX) as engine,
    ):
        engine.connect(path)
        _pass_on(client, engine)


def _pass_on(client: ssl.SSLSocket, engine: socket.socket) -> None:
    """Until one of the two ends."""
    while True:
        ready = [client] if client.pending() else select.select([client, engine], [], [])[0]
        for one in ready:
            data = one.recv(_CHUNK)
            if not data:
                return
            (engine if one is client else client).sendall(data)
