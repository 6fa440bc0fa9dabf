"""Where engines are that answer as Docker does. Apart from its SDK, which takes long to import: a
machine without any engine is found out without it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from labctl.errors import EngineError

NAMING = ("DOCKER_HOST", "DOCKER_CONTEXT", "CONTAINER_HOST")
"""The variables with which a user names the engine."""
DOCKER_SOCKET = Path("/var/run/docker.sock")
START_HINT = (
    "start it (systemctl start docker, or ./bootstrap; with Podman: systemctl --user start "
    "podman.socket), or set DOCKER_HOST"
    if sys.platform == "linux"
    else "start Docker Desktop, or set DOCKER_HOST"
)


def is_named() -> bool:
    """Tell whether the user named the engine."""
    return any(os.environ.get(variable) for variable in NAMING)


def podman_sockets() -> Iterator[Path]:
    """Yield the usual places of Podman's service: this user's, and the system's."""
    for folder in (os.environ.get("XDG_RUNTIME_DIR"), "/run"):
        if folder:
            yield Path(folder, "podman", "podman.sock")


def check_places() -> None:
    """Raise EngineError if there can be no engine: nothing names one, and there is no socket at the
    usual places. Windows has none anyway.
    """
    if os.name == "nt" or is_named() or _settings().exists():
        return
    if not any(place.exists() for place in (DOCKER_SOCKET, *podman_sockets())):
        raise EngineError(f"no Docker engine answers at unix://{DOCKER_SOCKET}", hint=START_HINT)


def _settings() -> Path:
    """Return the file of Docker's own settings, which may name an engine."""
    folder = os.environ.get("DOCKER_CONFIG")
    return Path(folder or os.path.expanduser("~/.docker"), "config.json")  # noqa: PTH111 no error without a home
