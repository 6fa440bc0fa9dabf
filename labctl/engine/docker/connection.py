"""A connection to a Docker engine that shows, by its end, that the engine went away."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

import docker
import requests

from labctl.engine.docker import transports
from labctl.engine.docker.stream import for_threads

_NOTHING = '{"label": ["labctl.nothing"]}'
"""A filter for the engine's events that none of them passes."""
_MOMENT_S = 0.01


class DockerConnection:
    """A Connection over a request for events that never come. The engine answers it as long as it
    lives.
    """

    def __init__(self, client: docker.APIClient) -> None:
        """Begin the request. Raises what the SDK raises if the engine does not answer."""
        self._response: requests.Response = client.get(
            f"{client.base_url}/v{client.api_version}/events",
            params={"filters": _NOTHING},
            stream=True,
            timeout=client.timeout,
        )
        self._response.raise_for_status()
        connection: Any = self._response.raw.connection
        self._socket = for_threads(connection.sock)

    def is_open(self) -> bool:
        """Tell whether the connection still stands. Waits for a moment only."""
        self._socket.settimeout(_MOMENT_S)
        try:
            while self._socket.recv(4096):
                pass
        except TimeoutError:
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(*transports.errors(ValueError)):
            self._response.close()
