"""How long a client waited for a processor that others had.

The kernel counts for each thread how long it ran, and how long it waited in a run queue
(/proc/PID/task/TID/schedstat). A thread that waits while other threads of the same client run waits
for its own client: what those ran doesn't count. So a client can't starve itself.
"""

from __future__ import annotations

import posix
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_USAGE_FILES = (
    ("/sys/fs/cgroup/cpu.stat", 1000),
    ("/sys/fs/cgroup/cpuacct/cpuacct.usage", 1),
)
"""Where a cgroup (v2, v1) counts how long all its processes ran, and the nanoseconds of a unit."""
_FIRST_PROCESS = "1"
_CLOCK_OF_PROCESS = 2
"""The kind of clock that counts how long all threads of a process ran (clock_getcpuclockid(3))."""


class RunDelay:
    """Measures how long one client ran, and how long it was starved, from when `begin` is called.
    Both are in nanoseconds.
    """

    def __init__(self, pid: int) -> None:
        """Take the client's process. The first process of a container measures all others there,
        and any other one only this process.
        """
        is_first = posix.getpid() == 1
        self._pids = None if is_first else [str(pid)]
        self._usage_file = _open_usage_file() if is_first else None
        self._count = _Count() if is_first and self._usage_file is None else None
        self._before: dict[str, tuple[int, int]] = {}
        self._usage_before = 0
        self.ran = self.starved = 0

    def begin(self) -> None:
        """Count from now on."""
        self.ran = self.starved = 0
        self._before = dict(self._threads())
        self._usage_before = self._usage()

    def sample(self) -> None:
        """Bring both up to date. A client was starved for the longest time that a thread waited
        beyond what all others of the client ran.

        Threads that have ended since the last sample are not seen. What they ran is.
        """
        changes = []
        for name, (ran, delayed) in self._threads():
            ran_before, delayed_before = self._before.get(name, (0, 0))
            changes.append((ran - ran_before, delayed - delayed_before))
        usage = self._usage() - self._usage_before
        self.ran = max(self.ran, usage, sum(ran for ran, _ in changes))
        for ran, delayed in changes:
            self.starved = max(self.starved, delayed - (self.ran - ran))

    def _threads(self) -> Iterator[tuple[str, tuple[int, int]]]:
        """Yield the name of each thread, and how long it ran and was delayed."""
        for pid in self._pids or posix.listdir("/proc"):
            if not pid.isdigit() or pid == _FIRST_PROCESS:
                continue
            try:
                tids = posix.listdir(f"/proc/{pid}/task")
            except OSError:
                continue  # it has ended
            for tid in tids:
                words = _read(f"/proc/{pid}/task/{tid}/schedstat").split()
                if words:
                    yield f"{pid}/{tid}", (int(words[0]), int(words[1]))

    def _usage(self) -> int:
        """Return how long all processes of the container ran; 0 if that is not known."""
        if self._count is not None:
            return self._count.take()
        if self._usage_file is None:
            return 0
        fd, unit = self._usage_file
        words = posix.pread(fd, 256, 0).split()
        return int(words[0] if len(words) == 1 else words[1]) * unit


class _Count:
    """Counts how long all processes but the first one ran, where no cgroup does.

    Of a process that has ended, the kernel tells its parent, unless that one does not want to know;
    so what was seen of it last counts, too. Both sums may lack something, and the larger one is
    taken.
    """

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._last: dict[str, int] = {}
        self._ended = 0

    def take(self) -> int:
        """Return how long they ran so far, in nanoseconds."""
        there = 0
        for pid in posix.listdir("/proc"):
            if not pid.isdigit() or pid == _FIRST_PROCESS:
                continue
            ran = _ran(int(pid))
            there += ran
            last = self._last.get(pid, 0)
            if ran < last:  # the id is another process's by now, or this one has just ended
                self._ended += last
            self._last[pid] = ran
        times = posix.times()
        waited_for = int((times.children_user + times.children_system) * 1e9)
        return max(there + waited_for, self._ended + sum(self._last.values()))


def _ran(pid: int) -> int:
    """Return how long all threads of a process ran; 0 if it has ended."""
    try:
        return time.clock_gettime_ns(~pid << 3 | _CLOCK_OF_PROCESS)
    except OSError:
        return 0


def _open_usage_file() -> tuple[int, int] | None:
    """Open the file that counts how long the container's processes ran. Return it and the
    nanoseconds of its unit, or None if there is none.
    """
    for path, unit in _USAGE_FILES:
        try:
            return posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC), unit
        except OSError:
            continue
    return None


def _read(path: str) -> bytes:
    """Return the contents of a small file; nothing if it has gone."""
    try:
        fd = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return posix.read(fd, 256)
    except OSError:
        return b""
    finally:
        posix.close(fd)
