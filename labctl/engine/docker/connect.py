"""The connection to a Docker engine, and its refusals in plain words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import docker
import requests
from docker.errors import APIError, DockerException, NotFound
from docker.utils import kwargs_from_env

from labctl.engine.runtime import Refusal
from labctl.errors import EngineError

ANSWER_S = 3
"""How long an engine may take for its first word; a person waits five seconds at the most."""
WORK_S = 60
"""How long a single request may take once the engine is known to answer."""

_ON_A_SOCKET = "http+docker://"
"""How the SDK writes the address of an engine on a Unix socket, or reached by ssh."""
_START = "start it (systemctl start docker, or run ./bootstrap), or set DOCKER_HOST"


def connect(timeout_s: int = ANSWER_S) -> docker.APIClient:
    """Return a client of the engine that DOCKER_HOST or the current Docker context names.

    Raise EngineError if none answers within `timeout_s` seconds, or may not be used.
    """
    address, tls = _address()
    try:
        client = docker.APIClient(
            base_url=address, tls=tls, version="auto", timeout=timeout_s, max_pool_size=64
        )
    except (DockerException, requests.RequestException, OSError, ValueError) as error:
        raise _no_engine(address or "the default socket", error, timeout_s) from error
    client.timeout = WORK_S
    if client.base_url.startswith(_ON_A_SOCKET):
        client.trust_env = False  # later requests look for no proxy and no ~/.netrc
    return client


def _address() -> tuple[str | None, docker.TLSConfig | bool]:
    """Return the engine's address, None for the default socket, and its TLS settings: from the
    environment, or else from Docker's current context. Raise EngineError if the settings are wrong.
    """
    try:
        if os.environ.get("DOCKER_HOST"):
            settings = kwargs_from_env()
            return settings.get("base_url"), settings.get("tls", False)
        context = docker.ContextAPI.get_current_context()
    except (DockerException, OSError, ValueError) as error:
        raise EngineError(
            f"the Docker settings cannot be used: {error}",
            hint="check DOCKER_HOST, DOCKER_CERT_PATH and `docker context ls`",
        ) from error
    return context.Host or None, context.TLSConfig


def _no_engine(address: str, error: BaseException, timeout_s: int) -> EngineError:
    """Return the error that says why the engine can't be used, by the innermost exception that
    tells.
    """
    chain: list[BaseException] = []
    inner: BaseException | None = error
    while inner is not None and inner not in chain:
        chain.append(inner)
        inner = inner.__cause__ or inner.__context__
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
    if any(isinstance(e, (FileNotFoundError, ConnectionError)) for e in chain):
        return EngineError(f"no Docker engine answers at {address}", hint=_START)
    return EngineError(f"the Docker engine at {address} cannot be used: {error}", hint=_START)


@contextmanager
def sdk_errors() -> Iterator[None]:
    """Turn what the SDK raises inside the block into Refusals with the engine's own reason."""
    try:
        yield
    except NotFound as error:
        raise Refusal(
            str(error.explanation),
            hint="something removed it from outside; run `labctl doctor` if this happens again",
        ) from error
    except APIError as error:
        raise Refusal(str(error.explanation or error)) from error
    except (DockerException, requests.RequestException, OSError) as error:
        raise Refusal(str(error), hint="run `labctl doctor`") from error
