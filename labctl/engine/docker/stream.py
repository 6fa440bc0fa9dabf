"""Attached streams of a container, as the Docker engine frames them.

Each frame is a byte for the stream (1 stdout, 2 stderr), three zeros, a big-endian length in four
bytes, and that many bytes (Docker Engine API, "Attach to a container").
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

from labctl.engine.docker.pipe import NamedPipe, is_pipe
from labctl.engine.docker.tls import SharedTLS
from labctl.engine.streams import ChunkReader
from labctl.errors import EngineGone

_HEADER = struct.Struct(">BxxxL")
_STDOUT = 1


class DockerStream(ChunkReader):
    """A Stream over the socket of an attach request."""

    def __init__(self, raw: Any, *, stderr_tail: int = 40) -> None:
        """Take what docker-py's `attach_socket` returned. The last `stderr_tail` lines of stderr
        are kept.
        """
        super().__init__()
        self._raw = raw
        # SocketIO of a Unix or TCP socket holds it as `_sock`; others come as they are.
        self._socket = for_threads(getattr(raw, "_sock", raw))
        self._buffer = bytearray()
        self._source, self._left_of_frame = _STDOUT, 0
        self._tail: deque[str] = deque(maxlen=stderr_tail)

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines of stderr that came while stdout was read."""
        return tuple(self._tail)

    def send_line(self, line: str) -> None:
        """Write one line to the container's stdin. Raise OSError once that is closed."""
        self._socket.sendall(f"{line}\n".encode())

    def close(self) -> None:
        """Close the connection to the container; a reader in another thread sees the end."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        # From Python 3.13 on, a response that is still open when its socket goes says so on stderr.
        response = getattr(self._raw, "_response", None)
        if response is not None:
            with contextlib.suppress(OSError, ValueError):
                response.close()
        with contextlib.suppress(OSError):
            self._socket.close()
        close = getattr(self._raw, "close", None)
        if close is not None:
            with contextlib.suppress(OSError):
                close()

    def chunks(self, deadline: float | None) -> Iterator[bytes]:
        """Yield the bytes of stdout as they come, until its end. Raise TimeoutError at the
        deadline.
        """
        while self._begin_frame(deadline):
            while self._left_of_frame:
                chunk = self._some(self._left_of_frame, deadline)
                if not chunk:
                    raise _broken()
                self._left_of_frame -= len(chunk)
                if self._source == _STDOUT:
                    yield chunk
                else:
                    self._tail.extend(chunk.decode("utf-8", "backslashreplace").splitlines())

    def _begin_frame(self, deadline: float | None) -> bool:
        """Read the header of the next frame, unless the current one has bytes left. Return False at
        the end of the stream.
        """
        if not self._left_of_frame:
            header = self._exactly(_HEADER.size, deadline)
            if not header:
                return False
            self._source, self._left_of_frame = _HEADER.unpack(header)
        return True

    def _exactly(self, size: int, deadline: float | None) -> bytes:
        """Read this many bytes; return none if the stream has ended. Raise EngineGone if it ends
        before there are enough.
        """
        got = bytearray()
        while len(got) < size:
            chunk = self._some(size - len(got), deadline)
            if not chunk and got:
                raise _broken()
            if not chunk:
                return b""
            got += chunk
        return bytes(got)

    def _some(self, size: int, deadline: float | None) -> bytes:
        """Read at most this many bytes; return none if the stream has ended. Raise TimeoutError
        after the deadline.
        """
        if not self._buffer:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError
            try:
                self._socket.settimeout(left)
                self._buffer += self._socket.recv(65536)
            except TimeoutError:
                raise
            except ConnectionError as error:
                raise _broken() from error
            except (OSError, ValueError):
                return b""  # closed by ourselves
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken


def for_threads(found: socket.socket) -> socket.socket | SharedTLS | NamedPipe:
    """Return what the SDK found with the methods of a socket, for several threads. What it finds
    over SSH has them, too.
    """
    if isinstance(found, ssl.SSLSocket):
        return SharedTLS(found)
    return NamedPipe(found) if is_pipe(found) else found


def _broken() -> EngineGone:
    """Return the error for a stream that ends while its container may still write."""
    return EngineGone("the engine's connection to a container broke off")
