"""Where Docker and Podman listen. Apart from Docker's SDK, which takes long to import: that a
machine has neither of them is found out without it.
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


def is_there(place: Path) -> bool:
    """Tell whether something is at a place. Where this user may not look, there is nothing."""
    return os.path.exists(place)  # noqa: PTH110 Path.exists raises where one may not look


def podman_sockets() -> Iterator[Path]:
    """Yield the usual places of Podman's service: this user's, and the system's."""
    for folder in (os.environ.get("XDG_RUNTIME_DIR"), "/run"):
        if folder:
            yield Path(folder, "podman", "podman.sock")


def check_places() -> None:
    """Raise EngineError if there can be no engine: nothing names one, and there is no socket at the
    usual places. Windows has none anyway.
    """
    if os.name == "nt" or is_named() or is_there(_settings()):
        return
    if not any(map(is_there, (DOCKER_SOCKET, *podman_sockets()))):
        raise EngineError(f"no Docker engine answers at unix://{DOCKER_SOCKET}", hint=START_HINT)


def _settings() -> Path:
    """Return the file of Docker's own settings, which may name an engine."""
    folder = os.environ.get("DOCKER_CONFIG")
    return Path(folder or os.path.expanduser("~/.docker"), "config.json")  # noqa: PTH111 no error without a home
