"""Attached streams of a container: lines in, lines out, with deadlines.

Format: each frame is a byte for the stream (1 stdout, 2 stderr), three zeros, a big-endian length
in four bytes, and that many bytes (Docker Engine API, "Attach to a container").
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

from labctl.errors import EngineError

_HEADER = struct.Struct(">BxxxL")
_STDOUT = 1


class Attached:
    """One container's stdin, stdout and stderr. Reading ends at the container's end."""

    def __init__(self, raw: Any, *, stderr_tail: int = 40) -> None:
        """`raw` is what docker-py's `attach_socket` returned."""
        self._raw = raw
        # SocketIO of a Unix or TCP socket holds it as `_sock`; a TLS socket comes as it is.
        self._socket: socket.socket = getattr(raw, "_sock", raw)
        self._buffer = bytearray()
        self.tail: deque[str] = deque(maxlen=stderr_tail)
        """The last lines of stderr."""

    def send_line(self, line: str) -> None:
        """Write one line to the container's stdin. Raises OSError once that is closed."""
        self._socket.sendall(f"{line}\n".encode())

    def close(self) -> None:
        """Let go; a reader in another thread sees the end."""
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

    def read(self, *, limit: int, deadline: float | None) -> bytes:
        """All of stdout up to its end, but no more than `limit` bytes.

        `deadline` is a time of time.monotonic(). Raises TimeoutError when it has passed.
        """
        kept = bytearray()
        for chunk in self._stdout(deadline):
            kept += chunk[: limit - len(kept)]
        return bytes(kept)

    def read_line(self, *, deadline: float) -> bytes:
        """The next line of stdout, or what there is of it at the end. TimeoutError as in `read`."""
        line = bytearray()
        for chunk in self._stdout(deadline):
            line += chunk
            if b"\n" in chunk:
                break
        return bytes(line)

    def lines(self, *, limit: int) -> Iterator[bytes]:
        """The lines of stdout as they come; one longer than `limit` bytes is cut off there."""
        pending = bytearray()
        for chunk in self._stdout(None):
            *whole, rest = chunk.split(b"\n")
            for part in whole:
                pending += part[: limit - len(pending)]
                yield bytes(pending)
                pending.clear()
            pending += rest[: limit - len(pending)]
        if pending:
            yield bytes(pending)

    def _stdout(self, deadline: float | None) -> Iterator[bytes]:
        while header := self._exactly(_HEADER.size, deadline):
            stream, size = _HEADER.unpack(header)
            while size:
                chunk = self._some(size, deadline)
                if not chunk:
                    raise _broken()
                size -= len(chunk)
                if stream == _STDOUT:
                    yield chunk
                else:
                    self.tail.extend(chunk.decode("utf-8", "backslashreplace").splitlines())

    def _exactly(self, size: int, deadline: float | None) -> bytes:
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


def _broken() -> EngineError:
    """The end of a stream that is not the end of its container: nobody knows what it said."""
    return EngineError("the engine's connection to a container broke off")


class Inbox:
    """Lines that a thread reads from a container, for others to wait on and look through.

    Lines have numbers, from 0 on. Only the last `most` are kept, and of these no more than `room`
    bytes hold, but one in any case.
    """

    def __init__(self, *, most: int = 20_000, room: int = 4 * 1024 * 1024) -> None:
        self._lines: deque[bytes] = deque()
        self._most = most
        self._room = room
        self._count = 0
        self._changed = threading.Condition()
        self._ended = False

    def fill(self, lines: Iterator[bytes]) -> None:
        """Take all lines until their end; runs in a thread of its own."""
        with suppress(EngineError):  # whoever waits sees the end, and looks why
            for line in lines:
                with self._changed:
                    self._keep(line)
                    self._count += 1
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _keep(self, line: bytes) -> None:
        self._lines.append(line)
        self._room -= len(line)
        while len(self._lines) > self._most or (self._room < 0 and len(self._lines) > 1):
            self._room += len(self._lines.popleft())

    def wait_for(self, wanted: bytes, *, start: int = 0, deadline: float) -> bool:
        """Whether a line from `start` on that holds `wanted` came before the deadline."""
        with self._changed:
            while True:
                if any(wanted in line for line in self._from(start)):
                    return True
                start = self._count
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    return False
                self._changed.wait(left)

    @property
    def ended(self) -> bool:
        """Whether no more lines will come."""
        with self._changed:
            return self._ended

    def since(self, start: int) -> tuple[bytes, ...]:
        """The lines from number `start` on that are kept."""
        with self._changed:
            return tuple(self._from(start))

    def lost(self, start: int) -> int:
        """How many lines from number `start` on are not kept any more."""
        with self._changed:
            return max(0, self._count - len(self._lines) - start)

    def _from(self, start: int) -> Iterator[bytes]:
        """Backwards from the newest: looking costs no more than what is looked at."""
        wanted = min(len(self._lines), self._count - start)
        return reversed(list(islice(reversed(self._lines), max(0, wanted))))

    def __len__(self) -> int:
        """How many lines have come so far."""
        with self._changed:
            return self._count
