"""The named pipe on which Docker Desktop answers on Windows, with the manners of a socket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from labctl.engine.docker import transports

_ENDED = (109, 232, 233)
"""The numbers of Windows for a pipe that the other side has closed: broken, closing, not
connected.
"""


def is_pipe(found: object) -> bool:
    """Tell whether the SDK returned a pipe; it has the class on Windows only."""
    return type(found).__name__ == "NpipeSocket"


class NamedPipe:
    """The methods of a socket that DockerStream uses, over the SDK's pipe.

    The SDK's `recv` knows no timeout, but its `recv_into` does. Its errors are no OSErrors.
    """

    def __init__(self, pipe: Any) -> None:
        """Take the pipe of the SDK."""
        self._pipe = pipe

    def settimeout(self, seconds: float | None) -> None:
        """Set how long `recv` waits; None: without an end."""
        self._pipe.settimeout(seconds)

    def recv(self, size: int) -> bytes:
        """Read at most this many bytes; return none at the end. Raise TimeoutError after the
        timeout.
        """
        buffer = bytearray(size)
        try:
            with _os_errors():
                return bytes(buffer[: self._pipe.recv_into(buffer)])
        except EOFError:
            return b""

    def sendall(self, data: bytes) -> None:
        """Write all of these bytes. Raise OSError if the other side has gone."""
        try:
            with _os_errors():
                while data:
                    data = data[self._pipe.send(data) :]
        except EOFError as error:
            raise BrokenPipeError(str(error)) from error

    def shutdown(self, _how: int) -> None:
        """End the connection: what waits in `recv` ends."""
        self.close()

    def close(self) -> None:
        """Close the pipe; again does nothing."""
        with _os_errors():
            self._pipe.close()


@contextmanager
def _os_errors() -> Iterator[None]:
    """Turn what a pipe raises inside the block into EOFError at its end, else into OSError."""
    try:
        yield
    except OSError:
        raise
    except transports.errors() as error:
        if getattr(error, "winerror", None) in _ENDED:
            raise EOFError(str(error)) from error
        raise OSError(str(error)) from error
    except RuntimeError as error:  # it was closed by ourselves
        raise EOFError(str(error)) from error
