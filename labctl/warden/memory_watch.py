"""Watches the memory of programs that no cgroup limits."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping

PERIOD_S = 0.02
"""How often to look. A program writes some 40 MB to new memory meanwhile."""

_PAGE = os.sysconf("SC_PAGE_SIZE")
_RESIDENT_FIELD = 1
_File = tuple[int, int]
_FIELDS = (b"Pss:", b"SwapPss:")
_BLOCK = 512
"""The bytes of a block of stat(2)."""


def beyond_limit(limits: Mapping[int, int]) -> list[int]:
    """Return the programs whose processes together have more memory than their limit. `limits` are
    in bytes, by the first process of each program, whose PID namespace holds the others.

    Files in memory that have no name (memfd_create(2)) count, too, mapped or not.
    """
    namespaces = {_namespace(pid): pid for pid in limits}
    resident = dict.fromkeys(limits, 0)
    members: dict[int, list[int]] = {pid: [] for pid in limits}
    files: dict[int, dict[_File, int]] = {pid: {} for pid in limits}
    holders: dict[int, list[int]] = {pid: [] for pid in limits}
    for pid, first in _members(namespaces):
        resident[first] += _resident(pid)
        members[first].append(pid)
        if own := _nameless_files(pid):
            files[first].update(own)
            holders[first].append(pid)
    over = []
    for first, limit in limits.items():
        kept = sum(files[first].values())
        # Pages that processes share count several times there; the exact sum is dear.
        if resident[first] + kept > limit:
            exact = sum(map(_proportional, members[first])) + kept
            exact -= sum(_mapped(pid, files[first]) for pid in holders[first])
            if exact > limit:
                over.append(first)
    return over


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


def _nameless_files(pid: int) -> dict[_File, int]:
    """Return how many bytes the files have that a process has open and that have no name any more,
    by their devices and numbers. A program can write to no others that would last.
    """
    found: dict[_File, int] = {}
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):  # it was closed meanwhile
                about = os.stat(f"/proc/{pid}/fd/{name}")
                if stat.S_ISREG(about.st_mode) and not about.st_nlink:
                    found[about.st_dev, about.st_ino] = about.st_blocks * _BLOCK
    return found


def _mapped(pid: int, files: Mapping[_File, int]) -> int:
    """Return how many bytes of these files are in a process's own count, since it maps them."""
    total = 0
    with contextlib.suppress(OSError):
        is_one = False
        for line in _read(f"/proc/{pid}/smaps").splitlines():
            words = line.split()
            if not words[0].endswith(b":"):
                major, minor = (int(part, 16) for part in words[3].split(b":"))
                is_one = (os.makedev(major, minor), int(words[4])) in files
            elif is_one and words[0] in _FIELDS:
                total += int(words[1]) * 1024
    return total


def _read(path: str) -> bytes:
    """Read a file of /proc, and return its content."""
    with open(path, "rb") as file:
        return file.read()
