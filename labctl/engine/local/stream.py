"""The streams of a program of the local engine: pipes."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections import deque
from collections.abc import Iterator

from labctl.engine.streams import ChunkReader

_CHUNK = 65536
_TAIL = 40
_LONGEST_LINE = 8192


class PipeStream(ChunkReader):
    """A Stream over pipes. It ends when the program has ended, or has closed stdout and stderr."""

    def __init__(self, *, stdin: bool) -> None:
        """Make the pipes; without `stdin`, the program reads an end at once."""
        super().__init__()
        self._stdout, out = os.pipe()
        self._stderr, err = os.pipe()
        self._stdin: int | None = None
        if stdin:
            theirs, self._stdin = os.pipe()
            os.set_blocking(self._stdin, False)
        else:
            theirs = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self._woken, self._wake = os.pipe()
        self._given = [theirs, out, err]
        self._open = [self._stdout, self._stderr]
        self._changed = threading.Condition()
        self._users = 0
        self._is_closed = False
        self._said = b""
        self._tail: deque[str] = deque(maxlen=_TAIL)

    @property
    def ends(self) -> tuple[int, ...]:
        """The program's ends of the pipes, which `give` closes here: stdin, stdout and stderr."""
        return tuple(self._given)

    @contextlib.contextmanager
    def lending(self) -> Iterator[tuple[int, ...]]:
        """Yield the program's ends, which stay open inside the block and are closed then. Raise
        BrokenPipeError if the streams were closed.
        """
        with self._using() as is_open:
            if not is_open:
                raise BrokenPipeError("the program's streams were closed")
            try:
                yield self.ends
            finally:
                self.give()

    @property
    def outputs(self) -> tuple[int, int]:
        """The ends of this side that stdout and stderr are read from."""
        return self._stdout, self._stderr

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines of stderr that came while stdout was read."""
        last = [self._said.decode("utf-8", "backslashreplace")] if self._said else []
        return (*self._tail, *last)[-_TAIL:]

    def give(self) -> None:
        """Close the program's ends here, once it has them."""
        with self._changed:
            ends, self._given = self._given, []
        for end in ends:
            os.close(end)

    def send_line(self, line: str) -> None:
        """Write one line to the program's stdin. Raise OSError once that is closed."""
        left = f"{line}\n".encode()
        with self._using() as is_open:
            if not is_open or self._stdin is None:
                raise BrokenPipeError("the program's streams were closed")
            while left:
                try:
                    left = left[os.write(self._stdin, left) :]
                except BlockingIOError:
                    self._wait_to_write(self._stdin)

    def _wait_to_write(self, stdin: int) -> None:
        """Wait until stdin takes more. Raise BrokenPipeError if it is closed meanwhile."""
        poll = select.poll()
        poll.register(stdin, select.POLLOUT)
        poll.register(self._woken, select.POLLIN)
        if any(file == self._woken for file, _ in poll.poll()):
            raise BrokenPipeError("the program's streams were closed")

    def chunks(self, deadline: float | None) -> Iterator[bytes]:
        """Yield the bytes of stdout as they come, until its end. Raise TimeoutError at the
        deadline.
        """
        while True:
            with self._using() as is_open:
                if not is_open or not self._open:
                    return
                chunk = self._next(deadline)
            if chunk:
                yield chunk

    def _next(self, deadline: float | None) -> bytes:
        """Wait for what comes next, and return it if it is of stdout; of stderr, note it."""
        poll = select.poll()
        for file in (*self._open, self._woken):
            poll.register(file, select.POLLIN)
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise TimeoutError
        ready = poll.poll(None if left is None else left * 1000)
        if not ready:
            raise TimeoutError
        for file, _ in ready:
            if file == self._woken:
                continue
            data = os.read(file, _CHUNK)
            if not data:
                self._open.remove(file)
            elif file == self._stdout:
                return data
            else:
                self._note(data)
        return b""

    def _note(self, data: bytes) -> None:
        """Note what came on stderr."""
        *lines, rest = (self._said + data).split(b"\n")
        self._tail.extend(line.decode("utf-8", "backslashreplace") for line in lines)
        self._said = rest[-_LONGEST_LINE:]

    def close(self) -> None:
        """Close the pipes; a reader in another thread sees the end."""
        with self._changed:
            if self._is_closed:
                return
            self._is_closed = True
            os.write(self._wake, b"x")
            self._changed.wait_for(lambda: not self._users)
        self.give()
        own = (self._stdout, self._stderr, self._woken, self._wake)
        for file in own if self._stdin is None else (*own, self._stdin):
            os.close(file)

    @contextlib.contextmanager
    def _using(self) -> Iterator[bool]:
        """Use the pipes inside the block, if they are open: they are not closed meanwhile."""
        with self._changed:
            is_open = not self._is_closed
            self._users += is_open
        try:
            yield is_open
        finally:
            with self._changed:
                self._users -= is_open
                self._changed.notify_all()
