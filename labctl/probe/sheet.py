"""Memory that supervisor and child share: the request, and room for the child's reports.

The child maps it and closes the descriptor before the client starts, so a client that closes
or writes to every descriptor can't lose or garble the report.

    0        the request, as it came
    length   STAGES slots of SLOT bytes: the report's size in 8 bytes, the key in 16, then the
             report. The size is written last: a report that was cut off by a kill was never
             there.

The key comes in the first slot, and the child takes it away before the client starts: who
writes here and doesn't know the probe's insides doesn't know it either.
"""

from __future__ import annotations

import posix

SLOT = 240 * 1024
STAGES = 3
MARKS = b"g"
"""What `Sheet.mark` may send."""
KEY = 16
_SIZE = 8
_HEADER = _SIZE + KEY
_REPORTED = b"."


def create(request: bytes, key: bytes) -> int:
    """A descriptor of a new sheet that holds the request and the key; children inherit it."""
    fd = _anonymous_file(len(request) + STAGES * SLOT)
    sent = 0
    while sent < len(request):
        sent += posix.pwrite(fd, request[sent:], sent)
    posix.pwrite(fd, key, len(request) + _SIZE)
    posix.set_inheritable(fd, True)
    return fd


def _anonymous_file(size: int) -> int:
    if hasattr(posix, "memfd_create"):
        fd = posix.memfd_create("labctl")
        posix.ftruncate(fd, size)
        return fd
    path = f"/tmp/.labctl-{posix.getpid()}"  # noqa: S108 - O_EXCL, and unlinked at once
    fd = posix.open(path, posix.O_RDWR | posix.O_CREAT | posix.O_EXCL | posix.O_CLOEXEC, 0o600)
    posix.unlink(path)
    # Touching a mapped page that a full /tmp has no room for is a SIGBUS: take the room now.
    posix.posix_fallocate(fd, 0, size)
    return fd


def count(fd: int, length: int) -> int:
    """How many reports are in the sheet."""
    return sum(_size(fd, length + stage * SLOT) > 0 for stage in range(STAGES))


def reports(fd: int, length: int, key: bytes) -> tuple[list[bytes], int]:
    """The reports in the sheet, the latest first, and how many are there without the key."""
    starts = [length + stage * SLOT for stage in reversed(range(STAGES))]
    found = [(start, size) for start in starts for size in [_size(fd, start)] if size]
    sealed = [one for one in found if posix.pread(fd, KEY, one[0] + _SIZE) == key]
    documents = [posix.pread(fd, size, start + _HEADER) for start, size in sealed]
    return documents, len(found) - len(sealed)


def _size(fd: int, start: int) -> int:
    return min(int.from_bytes(posix.pread(fd, _SIZE, start), "little"), SLOT - _HEADER)


def foreign(said: bytes, reported: int) -> tuple[bytes, bool]:
    """Of what came through the wake pipe: the child's marks, and whether it is not all from it."""
    marks = bytes(sorted(set(said) & set(MARKS)))
    return marks, bool(set(said) - set(MARKS + _REPORTED)) or said.count(_REPORTED) > reported


class Sheet:
    """The child's side. `wake` is a pipe that a byte goes into after every report."""

    def __init__(self, fd: int, length: int, wake: int) -> None:
        import mmap  # noqa: PLC0415 - the supervisor has no use for it

        # mmap keeps a duplicate of the descriptor, for resizing. It is the lowest free one, and
        # a client that writes to every descriptor would write here: away with it.
        duplicate = posix.dup(fd)
        posix.close(duplicate)
        self._memory = mmap.mmap(fd, length + STAGES * SLOT)
        posix.close(duplicate)
        posix.close(fd)
        posix.set_inheritable(wake, False)
        self.request = self._memory[:length]
        self._key = self._memory[length + _SIZE : length + _HEADER]
        self._memory[length + _SIZE : length + _HEADER] = bytes(KEY)
        self._wake = wake
        self._owner = posix.getpid()
        self._free = list(range(length, length + STAGES * SLOT, SLOT))
        # The client may replace these.
        self._write, self._getpid, self._fstat = posix.write, posix.getpid, posix.fstat
        self._pipe = self._identity()

    def report(self, document: bytes) -> None:
        """Add a report. Nothing happens in a process that the client forked off, or when full."""
        if self._getpid() != self._owner or not self._free:
            return
        if len(document) > SLOT - _HEADER:
            raise ValueError(f"a report of {len(document)} bytes doesn't fit in {SLOT - _HEADER}")
        at = self._free.pop(0)
        start = at + _HEADER
        self._memory[start : start + len(document)] = document
        self._memory[at + _SIZE : start] = self._key
        self._memory[at : at + _SIZE] = len(document).to_bytes(_SIZE, "little")
        self.mark(_REPORTED)

    def mark(self, mark: bytes) -> None:
        """Say something that can't be taken back.

        A client may have closed the pipe, and its number may be a socket of the client's now; the
        supervisor looks at the sheet by itself every now and then.
        """
        if self._identity() == self._pipe:
            try:
                self._write(self._wake, mark)
            except OSError:
                return  # the supervisor has gone

    def _identity(self) -> tuple[int, int]:
        try:
            found = self._fstat(self._wake)
        except OSError:
            return (0, 0)
        return (found.st_dev, found.st_ino)
