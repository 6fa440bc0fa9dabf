"""Where the files of a submission are: a folder, an archive, or some files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from labctl.submissions.names import Entry, Roll
from labctl.submissions.refused import Refused, shown


class Store(Protocol):
    """Files to read. Both methods raise Refused, and OSError where the disk fails."""

    def entries(self) -> list[Entry]:
        """The regular files that are not skipped; every rule for the others was kept too."""
        ...

    def fetch(self, chosen: Sequence[Entry]) -> dict[str, bytes]:
        """All of some of these files, by `path`; never more bytes of each than its `size`."""
        ...


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A regular file, open for reading. Refused for anything else, which is never waited for."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Refused(f"{shown(path.name)} can't be read: {error.strerror}") from None
    with os.fdopen(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise Refused(f"{shown(path.name)} is no regular file: hand in files only")
        yield file


@dataclass(frozen=True, kw_only=True)
class FolderStore:
    """A folder on disk. Links are refused, wherever they lead; nothing but files is opened."""

    root: Path

    def entries(self) -> list[Entry]:
        roll = Roll()
        waiting = [""]
        while waiting:
            waiting += self._level(waiting.pop(), roll)
        return roll.entries

    def _level(self, folder: str, roll: Roll) -> list[str]:
        """Takes what is in one folder; the folders in it."""
        found = []
        with os.scandir(self.root / folder) as listing:
            for item in listing:
                name = f"{folder}{item.name}"
                parts = roll.meets(name)
                if parts is None:
                    continue
                seen = item.stat(follow_symlinks=False)
                if stat.S_ISDIR(seen.st_mode):
                    roll.folder(parts)
                    found.append(f"{name}/")
                else:
                    _must_be_regular(name, seen.st_mode)
                    roll.file(name, parts, seen.st_size)
        return found

    def fetch(self, chosen: Sequence[Entry]) -> dict[str, bytes]:
        return {entry.path: _read(self.root / entry.path, entry.size) for entry in chosen}


@dataclass(frozen=True, kw_only=True)
class PieceStore:
    """Files on disk, by the names that they were handed in with."""

    pieces: Mapping[str, Path]

    def entries(self) -> list[Entry]:
        roll = Roll()
        for name, path in self.pieces.items():
            seen = path.lstat()
            _must_be_regular(name, seen.st_mode)
            parts = roll.meets(name)
            if parts is not None:
                roll.file(name, parts, seen.st_size)
        return roll.entries

    def fetch(self, chosen: Sequence[Entry]) -> dict[str, bytes]:
        return {entry.path: _read(self.pieces[entry.path], entry.size) for entry in chosen}


def _read(path: Path, size: int) -> bytes:
    with opened(path) as file:
        return file.read(size)


def _must_be_regular(name: str, mode: int) -> None:
    if stat.S_ISLNK(mode):
        raise Refused(f"{shown(name)} is a symbolic link: hand in the file that it leads to")
    if not stat.S_ISREG(mode):
        raise Refused(f"{shown(name)} is a device, pipe or socket: hand in files only")
