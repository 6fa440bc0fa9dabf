"""The connection to a Docker engine, and its refusals in plain words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import docker
import requests
from docker.errors import APIError, DockerException, NotFound
from docker.utils import kwargs_from_env

from labctl.engine.docker import places, ssh, transports
from labctl.engine.runtime import Refusal, Unreachable
from labctl.errors import EngineError

ANSWER_S = 3
"""How long an engine may take for its first word; a person waits five seconds at the most."""
WORK_S = 60
"""How long a single request may take once the engine is known to answer."""

_DEFAULT = "default"
"""The name of the Docker context that nobody has made."""
_NO_FILE = 2
"""The number of Windows for a file that is not there; here, a named pipe."""
_BROKEN = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError, ConnectionError)


_Place = tuple[str | None, docker.TLSConfig | bool]
"""An engine's address, None for the default socket, and its TLS settings."""


class _Client(docker.APIClient):
    """A client of the SDK that uses no settings for the web, from its first request on: no proxies,
    no REQUESTS_CA_BUNDLE in place of the engine's own authority, no ~/.netrc.
    """

    place: _Place = (None, False)

    @property
    def trust_env(self) -> bool:
        """Whether requests looks for such settings: it never does."""
        return False

    @trust_env.setter
    def trust_env(self, value: bool) -> None:
        """Ignore what requests sets when a session is made."""


def connect(timeout_s: int = ANSWER_S) -> docker.APIClient:
    """Return a client of the engine that DOCKER_HOST, DOCKER_CONTEXT or the current Docker context
    names: the first of them that is there, as for `docker`. If none of them is, and there is no
    Docker at its usual place, it is Podman at CONTAINER_HOST, or at its own usual places.

    Raise EngineError if none answers within `timeout_s` seconds, or may not be used.
    """
    return _open(_address(), timeout_s)


def ping(client: docker.APIClient) -> None:
    """Ask the engine of a client that `connect` returned, over a new connection, whether it is
    there. Raise EngineError if it does not answer.
    """
    _open(cast("_Client", client).place, ANSWER_S).close()


def _open(place: _Place, timeout_s: int) -> _Client:
    """Return a client of the engine at a place. Raise EngineError if none answers there."""
    address, tls = place
    if ssh.is_ssh(address):
        ssh.require(address)
    try:
        with ssh.impatient(address, timeout_s):
            client = _Client(
                base_url=address, tls=tls, version="auto", timeout=timeout_s, max_pool_size=64
            )
    except transports.errors(ValueError) as error:
        raise _no_engine(address or "the default socket", error, timeout_s) from error
    client.place = place
    client.timeout = WORK_S
    return client


def _address() -> _Place:
    """Return the engine's place: from the environment, or else from a Docker context. Raise
    EngineError if the settings are wrong.
    """
    name = os.environ.get("DOCKER_CONTEXT", "")
    try:
        if os.environ.get("DOCKER_HOST"):
            settings = kwargs_from_env()
            return settings.get("base_url"), settings.get("tls", False)
        # The SDK's types don't say that it may be missing.
        context: docker.Context | None = docker.ContextAPI.get_context(name or None)
    except (DockerException, OSError, ValueError) as error:
        raise EngineError(
            f"the Docker settings cannot be used: {error}",
            hint="check DOCKER_HOST, DOCKER_CERT_PATH and `docker context ls`",
        ) from error
    if context is None:
        which = (
            f"there is no Docker context called {name}" if name else "the current one is missing"
        )
        raise EngineError(
            f"the Docker settings cannot be used: {which}",
            hint="`docker context ls` lists them; DOCKER_CONTEXT or `docker context use` names one",
        )
    if context.Name == _DEFAULT and not places.is_there(places.DOCKER_SOCKET):
        return _podman_address() or context.Host or None, context.TLSConfig
    return context.Host or None, context.TLSConfig


def _podman_address() -> str | None:
    """Return where Podman's service is: what CONTAINER_HOST says, or else the socket of this user's
    Podman, or of the system's. Return None if there is none.
    """
    if given := os.environ.get("CONTAINER_HOST"):
        return given
    found = next(filter(places.is_there, places.podman_sockets()), None)
    return f"unix://{found}" if found else None


def _no_engine(address: str, error: BaseException, timeout_s: int) -> EngineError:
    """Return the error that says why the engine can't be used, by the innermost exception that
    tells.
    """
    chain: list[BaseException] = []
    inner: BaseException | None = error
    while inner is not None and inner not in chain:
        chain.append(inner)
        inner = inner.__cause__ or inner.__context__
    if ssh.is_ssh(address):
        return ssh.refusal(address, chain[-1])
    if any(isinstance(e, PermissionError) for e in chain):
        return EngineError(
            f"no permission to use the Docker engine at {address}",
            hint="add yourself to the docker group (sudo usermod -aG docker $USER) and log in anew",
        )
    if any(isinstance(e, (requests.Timeout, TimeoutError)) for e in chain):
        return EngineError(
            f"the Docker engine at {address} did not answer within {timeout_s} s",
            hint="see whether `docker version` answers; restart the engine if it does not",
        )
    if any(_is_absence(e) for e in chain):
        return EngineError(f"no Docker engine answers at {address}", hint=places.START_HINT)
    return EngineError(
        f"the Docker engine at {address} cannot be used: {error}", hint=places.START_HINT
    )


def _is_absence(error: BaseException) -> bool:
    """Tell whether nobody is there. What Windows says of a pipe is no OSError."""
    absent = getattr(error, "winerror", None) == _NO_FILE
    return absent or isinstance(error, (FileNotFoundError, ConnectionError))


@contextmanager
def sdk_errors() -> Iterator[None]:
    """Turn what the SDK raises inside the block into Refusals with the engine's own reason, and a
    connection that can't be made or breaks off into Unreachable.
    """
    try:
        yield
    except NotFound as error:
        raise Refusal(
            str(error.explanation),
            hint="something removed it from outside; run `labctl doctor` if this happens again",
        ) from error
    except APIError as error:
        raise Refusal(str(error.explanation or error)) from error
    except _BROKEN as error:
        raise Unreachable(f"the engine does not answer: {error}", hint=places.START_HINT) from error
    except transports.errors() as error:
        raise Refusal(str(error), hint="run `labctl doctor`") from error
