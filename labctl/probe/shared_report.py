"""Memory that supervisor and child share: the request, and room for the child's reports.

The child maps the memory and closes its descriptor before the client starts. So a client that
closes or writes to every descriptor can't lose or garble the report. The layout, in bytes:

    0        the request, as it came
    length   SLOTS slots of SLOT_SIZE bytes each: the report's size in 8 bytes, the key in 16, then
             the report. The size is written last: a report whose writing was cut off by a kill
             counts as not there.

The supervisor puts the key into the first slot, and the child takes it out before the client
starts. Who writes into the memory without knowing the inside of the probe doesn't know the key.

The functions are the supervisor's side, the class SharedReport is the child's.
"""

from __future__ import annotations

import posix

SLOT_SIZE = 240 * 1024
SLOTS = 3
MARKS = b"g"
"""The bytes that `SharedReport.send_mark` may send, any number of times."""
READY = b"r"
"""The byte that it sends once, before the client's code starts."""
KEY_SIZE = 16
_LENGTH_SIZE = 8
_HEADER_SIZE = _LENGTH_SIZE + KEY_SIZE
_REPORTED = b"."


def create_memory(request: bytes, key: bytes) -> int:
    """Create memory that holds the request and the key; return its descriptor.

    Child processes inherit the descriptor.
    """
    fd = _anonymous_file(len(request) + SLOTS * SLOT_SIZE)
    sent = 0
    while sent < len(request):
        sent += posix.pwrite(fd, request[sent:], sent)
    posix.pwrite(fd, key, len(request) + _LENGTH_SIZE)
    posix.set_inheritable(fd, True)
    return fd


def _anonymous_file(size: int) -> int:
    """Create a file without a name; return its descriptor."""
    if hasattr(posix, "memfd_create"):
        fd = posix.memfd_create("labctl")
        posix.ftruncate(fd, size)
        return fd
    path = f"/tmp/.labctl-{posix.getpid()}"  # noqa: S108 - O_EXCL, and unlinked at once
    fd = posix.open(path, posix.O_RDWR | posix.O_CREAT | posix.O_EXCL | posix.O_CLOEXEC, 0o600)
    posix.unlink(path)
    # A mapped page that a full /tmp has no room for raises SIGBUS when used: take the room now.
    posix.posix_fallocate(fd, 0, size)
    return fd


def count_reports(fd: int, length: int) -> int:
    """Return how many reports are in the memory; `length` is that of the request."""
    return sum(_report_size(fd, length + slot * SLOT_SIZE) > 0 for slot in range(SLOTS))


def read_reports(fd: int, length: int, key: bytes) -> tuple[list[bytes], int]:
    """Return the reports that have the key, the latest first, and how many lack it.

    `length` is that of the request.
    """
    starts = [length + slot * SLOT_SIZE for slot in reversed(range(SLOTS))]
    sizes = [(start, _report_size(fd, start)) for start in starts]
    filled = [(start, size) for start, size in sizes if size]
    genuine = [
        (start, size)
        for start, size in filled
        if posix.pread(fd, KEY_SIZE, start + _LENGTH_SIZE) == key
    ]
    documents = [posix.pread(fd, size, start + _HEADER_SIZE) for start, size in genuine]
    return documents, len(filled) - len(genuine)


def _report_size(fd: int, start: int) -> int:
    """Return the size of the report in the slot at `start`; 0 if there is none."""
    size = int.from_bytes(posix.pread(fd, _LENGTH_SIZE, start), "little")
    return min(size, SLOT_SIZE - _HEADER_SIZE)


def parse_wake_bytes(data: bytes, report_count: int) -> tuple[bytes, bool]:
    """Return the marks among the bytes of the wake pipe, and whether others wrote to it too.

    The child sends READY once, a `.` after each of its `report_count` reports, and marks; all else
    is not its.
    """
    marks = bytes(sorted(set(data) & set(MARKS)))
    is_foreign = (
        bool(set(data) - set(MARKS + READY + _REPORTED))
        or data.count(READY) > 1
        or data.count(_REPORTED) > report_count
    )
    return marks, is_foreign


class SharedReport:
    """The child's side of the shared memory.

    Takes over the memory `fd`, which has a request of `length` bytes, and closes the descriptor.
    `wake` is the end to write to of a pipe; the supervisor waits at the other end.
    """

    def __init__(self, fd: int, length: int, wake: int) -> None:
        """Map the memory, take the request and the key out of it, and close its descriptor."""
        import mmap  # noqa: PLC0415 - the supervisor has no use for it

        # mmap keeps a duplicate of the descriptor, for resizing, with the lowest free number. A
        # client that writes to every descriptor would write here: close it.
        duplicate = posix.dup(fd)
        posix.close(duplicate)
        self._memory = mmap.mmap(fd, length + SLOTS * SLOT_SIZE)
        posix.close(duplicate)
        posix.close(fd)
        posix.set_inheritable(wake, False)
        self.request = self._memory[:length]
        self._key = self._memory[length + _LENGTH_SIZE : length + _HEADER_SIZE]
        self._memory[length + _LENGTH_SIZE : length + _HEADER_SIZE] = bytes(KEY_SIZE)
        self._wake = wake
        self._owner = posix.getpid()
        self._free = list(range(length, length + SLOTS * SLOT_SIZE, SLOT_SIZE))
        # The client may replace these.
        self._write, self._getpid, self._fstat = posix.write, posix.getpid, posix.fstat
        self._pipe = self._pipe_identity()

    def add(self, document: bytes) -> None:
        """Write a report into the next free slot, and wake the supervisor.

        Does nothing in a process that the client forked, and nothing if all slots are used. Raise
        ValueError if the report is too long for a slot.
        """
        if self._getpid() != self._owner or not self._free:
            return
        room = SLOT_SIZE - _HEADER_SIZE
        if len(document) > room:
            raise ValueError(f"a report of {len(document)} bytes doesn't fit in {room}")
        slot = self._free.pop(0)
        start = slot + _HEADER_SIZE
        self._memory[start : start + len(document)] = document
        self._memory[slot + _LENGTH_SIZE : start] = self._key
        self._memory[slot : slot + _LENGTH_SIZE] = len(document).to_bytes(_LENGTH_SIZE, "little")
        self.send_mark(_REPORTED)

    def send_mark(self, mark: bytes) -> None:
        """Send a byte to the supervisor, which nobody can take back.

        Does nothing if the client has closed the pipe: its number may be a socket of the client's
        now. The supervisor looks into the memory by itself every now and then.
        """
        if self._pipe_identity() == self._pipe:
            try:
                self._write(self._wake, mark)
            except OSError:
                return  # the supervisor has gone

    def _pipe_identity(self) -> tuple[int, int]:
        """Return device and inode of what the pipe's number stands for now; zeros if closed."""
        try:
            status = self._fstat(self._wake)
        except OSError:
            return (0, 0)
        return (status.st_dev, status.st_ino)
