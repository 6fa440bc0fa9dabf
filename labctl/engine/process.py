"""The process that labs belong to, as a label tells it: whether it still runs, as far as is known.

Only the machine that a process runs on can tell. Ids of processes are used again, so the time of
its start belongs to a process. Linux tells both (proc(5)); elsewhere, nothing is known. Nor is it
where the system keeps processes from other users (the option hidepid): it says only whether an id
is in use.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from contextlib import suppress
from enum import Enum, auto
from pathlib import Path

_SEPARATOR = "/"
_START_FIELD = 22
_PROCESSES = Path("/proc")
_MACHINE = ("/etc/machine-id", "/proc/sys/kernel/random/boot_id")


class Life(Enum):
    """What is known of a process."""

    RUNS = auto()
    ENDED = auto()
    UNKNOWN = auto()
    """It is one of another machine, or in another container, or it can't be read."""


def own_process() -> str:
    """Return the text for this process: a machine, an id and a start; "" if that is not known."""
    return text_of(os.getpid())


def text_of(pid: int) -> str:
    """Return the text for a process of this machine; "" if it has ended, or is not known."""
    started = _started(pid)
    return _SEPARATOR.join((_machine(), str(pid), started)) if started else ""


def life_of(process: str) -> Life:
    """Return what is known of the process of such a text."""
    machine, _, rest = process.partition(_SEPARATOR)
    pid, _, started = rest.partition(_SEPARATOR)
    if not (pid.isdigit() and started and machine == _machine()):
        return Life.UNKNOWN
    seen = _started(int(pid))
    if seen is None:
        return Life.UNKNOWN if _is_in_use(int(pid)) else Life.ENDED
    return Life.RUNS if seen == started else Life.ENDED


def _started(pid: int) -> str | None:
    """Return when a process was started, in ticks since the kernel was; "" if it has ended, and
    waits for its parent; None if this can't be read.
    """
    try:
        stat = (_PROCESSES / str(pid) / "stat").read_text("utf-8", "replace")
    except OSError:
        return None
    # The second field is the program's name in parentheses, which may have blanks in it.
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[_START_FIELD - 3]


def _is_in_use(pid: int) -> bool:
    """Tell whether an id of a process may be in use, which the system tells of anybody's."""
    if sys.platform != "win32":  # there, os.kill would end it
        try:
            with suppress(PermissionError):
                os.kill(pid, 0)
        except (ProcessLookupError, OverflowError):
            return False
    return True


def _machine() -> str:
    """Return a text for this machine since it was started, and the processes that can be seen here:
    containers on one machine don't see each other's.
    """
    parts = [platform.node()]
    for path in _MACHINE:
        try:
            parts.append(Path(path).read_text("ascii").strip())
        except OSError:
            parts.append("")
    try:
        parts.append(str(Path("/proc/self/ns/pid").stat().st_ino))
    except OSError:
        parts.append("")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
