"""Watches the memory of programs that no cgroup limits."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping

PERIOD_S = 0.02
"""How often to look. A program writes some 40 MB to new memory meanwhile."""

_PAGE = os.sysconf("SC_PAGE_SIZE")
_RESIDENT_FIELD = 1
_FIELDS = (b"Pss:", b"SwapPss:")


def beyond_limit(limits: Mapping[int, int]) -> list[int]:
    """Return the programs whose processes together have more memory than their limit. `limits` are
    in bytes, by the first process of each program, whose PID namespace holds the others.
    """
    namespaces = {_namespace(pid): pid for pid in limits}
    resident = dict.fromkeys(limits, 0)
    members: dict[int, list[int]] = {pid: [] for pid in limits}
    for pid, first in _members(namespaces):
        resident[first] += _resident(pid)
        members[first].append(pid)
    # Pages that processes share count several times there; the exact sum is dear.
    suspects = [pid for pid, limit in limits.items() if resident[pid] > limit]
    return [pid for pid in suspects if sum(map(_proportional, members[pid])) > limits[pid]]


def _members(namespaces: Mapping[str, int]) -> Iterator[tuple[int, int]]:
    """Yield each process of the programs, and the first process of its program."""
    for name in os.listdir("/proc"):
        if name.isdigit() and (first := namespaces.get(_namespace(int(name)))) is not None:
            yield int(name), first


def _namespace(pid: int) -> str:
    """Return the PID namespace of a process; "" if it has ended."""
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return ""


def _resident(pid: int) -> int:
    """Return how many bytes of a process are in memory, shared ones included."""
    try:
        return int(_read(f"/proc/{pid}/statm").split()[_RESIDENT_FIELD]) * _PAGE
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    """Return how many bytes of memory and swap a process has, with its part of the shared ones."""
    total = 0
    with contextlib.suppress(OSError):
        for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
            if line.startswith(_FIELDS):
                total += int(line.split()[1]) * 1024
    return total


def _read(path: str) -> bytes:
    """Read a file of /proc, and return its content."""
    with open(path, "rb") as file:
        return file.read()
