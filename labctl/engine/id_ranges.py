"""The ids beside their own that users of this machine may have in user namespaces: subuid(5)."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

_FILES = (Path("/etc/subuid"), Path("/etc/subgid"))
_PROGRAMS = ("newuidmap", "newgidmap")

if sys.platform == "win32":

    def own_ranges() -> list[tuple[int, int]]:
        """Return nothing: this machine has no such ids."""
        return []

else:
    import os
    import pwd

    def own_ranges() -> list[tuple[int, int]]:
        """Return the user's largest range of user ids, and that of group ids: the first one and how
        many there are. Return nothing if one of them is missing, or a program that puts them into a
        namespace.
        """
        uid = os.getuid()
        try:
            name = pwd.getpwuid(uid).pw_name
        except KeyError:
            name = ""
        found = [one for path in _FILES if (one := id_range(path, name, uid)) is not None]
        has_programs = all(shutil.which(program) for program in _PROGRAMS)
        return found if has_programs and len(found) == len(_FILES) else []


def has_id_range() -> bool:
    """Tell whether the user has ranges of ids, and the programs for them."""
    return bool(own_ranges())


def id_range(path: Path, name: str, uid: int) -> tuple[int, int] | None:
    """Read a file such as /etc/subuid, and return the first id of the user's largest range, and how
    many ids it has. Return None if the user has none, or the file can't be read.

    Its lines are `USER:FIRST:COUNT`, with the user's name or number. Others are passed over.
    """
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    return max(_ranges(lines, {name, str(uid)}), key=lambda found: found[1], default=None)


def _ranges(lines: list[str], users: set[str]) -> Iterator[tuple[int, int]]:
    """Yield the ranges that these lines give to a user of one of these names."""
    for line in lines:
        user, *numbers = (part.strip() for part in line.split(":"))
        if not user or user not in users:
            continue
        match numbers:
            case [first, count] if first.isdecimal() and count.isdecimal() and int(count):
                yield int(first), int(count)
