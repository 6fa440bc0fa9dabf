"""What a running container reads and writes, whatever engine carries it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Protocol


class Stream(Protocol):
    """One container's stdin, stdout and stderr. Reading ends at the container's end.

    Deadlines are times of time.monotonic(). Reading raises EngineError where the connection to the
    container breaks off: nobody knows then what else it wrote.
    """

    @property
    def tail(self) -> Sequence[str]:
        """The last lines of stderr that came while stdout was read."""
        ...

    def send_line(self, line: str) -> None:
        """Write one line to the container's stdin. Raise OSError once that is closed."""
        ...

    def read(self, *, limit: int, deadline: float | None) -> bytes:
        """Return all of stdout up to its end, but no more than `limit` bytes of it.

        Raise TimeoutError when the deadline has passed.
        """
        ...

    def read_line(self, *, deadline: float) -> bytes:
        """Return the next line of stdout with its line end, or what there is of it at the end.

        Raise TimeoutError when the deadline has passed.
        """
        ...

    def lines(self, *, limit: int) -> Iterator[bytes]:
        """Yield the lines of stdout as they come; one longer than `limit` bytes is cut there."""
        ...

    def close(self) -> None:
        """Close the connection to the container; a reader in another thread sees the end."""
        ...


class ChunkReader(ABC):
    """The reading half of a Stream, for engines that have stdout in chunks of any size."""

    def __init__(self) -> None:
        """Begin with nothing read."""
        self._unread = b""

    @abstractmethod
    def chunks(self, deadline: float | None) -> Iterator[bytes]:
        """Yield the bytes of stdout as they come, until its end. Raise TimeoutError at the
        deadline.
        """

    def _remaining(self, deadline: float | None) -> Iterator[bytes]:
        """Yield the bytes that are left over from the last line, and then those that come."""
        if self._unread:
            unread, self._unread = self._unread, b""
            yield unread
        yield from self.chunks(deadline)

    def read(self, *, limit: int, deadline: float | None) -> bytes:
        """Return all of stdout up to its end, but no more than `limit` bytes of it."""
        kept = bytearray()
        for chunk in self._remaining(deadline):
            kept += chunk[: limit - len(kept)]
        return bytes(kept)

    def read_line(self, *, deadline: float) -> bytes:
        """Return the next line of stdout with its line end, or what there is of it at the end."""
        line = bytearray()
        for chunk in self._remaining(deadline):
            text, end, self._unread = chunk.partition(b"\n")
            line += text + end
            if end:
                break
        return bytes(line)

    def lines(self, *, limit: int) -> Iterator[bytes]:
        """Yield the lines of stdout as they come; one longer than `limit` bytes is cut there."""
        pending = bytearray()
        for chunk in self._remaining(None):
            *whole, rest = chunk.split(b"\n")
            for part in whole:
                pending += part[: limit - len(pending)]
                yield bytes(pending)
                pending.clear()
            pending += rest[: limit - len(pending)]
        if pending:
            yield bytes(pending)
