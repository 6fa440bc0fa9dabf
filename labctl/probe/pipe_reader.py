"""What a client writes to one of its streams: its head and tail are kept, the rest counted."""

from __future__ import annotations

import posix

KEPT_BYTES = 32 * 1024
"""Bytes kept of the head, and again of the tail."""
_CHUNK = 64 * 1024


class PipeReader:
    """Reads one end of a pipe, without ever waiting, in bounded memory."""

    def __init__(self, fd: int) -> None:
        """Take the descriptor of the end to read from."""
        posix.set_blocking(fd, False)
        self.fd = fd
        self._head = b""
        self._tail = b""
        self._size = 0

    def read(self) -> bool:
        """Read one chunk at most of what is in the pipe; return False at the end of the stream."""
        try:
            chunk = posix.read(self.fd, _CHUNK)
        except BlockingIOError:
            return True
        self._size += len(chunk)
        room = KEPT_BYTES - len(self._head)
        self._head += chunk[:room]
        self._tail = (self._tail + chunk[room:])[-KEPT_BYTES:]
        return bool(chunk)

    def bytes(self) -> bytes:
        """Return head and tail, without what was between them."""
        return self._head + self._tail

    def text(self) -> str:
        """Return head and tail, with a line between them that counts what was dropped.

        Bytes that are not UTF-8 read `\\xff`; control characters are left as they are.
        """
        dropped = self._size - len(self._head) - len(self._tail)
        head, tail = (part.decode("utf-8", "backslashreplace") for part in (self._head, self._tail))
        return f"{head}\n[... {dropped} bytes dropped ...]\n{tail}" if dropped else head + tail
