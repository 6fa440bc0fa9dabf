"""Stores: where the files of a submission are. Here are folders and files on disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from labctl.submissions.names import Entry, EntryChecker
from labctl.submissions.refusal import RefusalError, quote


class Store(Protocol):
    """The files of a submission. Its methods raise RefusalError, and OSError if the disk fails."""

    def entries(self) -> list[Entry]:
        """Return the regular files that are not skipped, after checks of all entries."""
        ...

    def read(self, chosen: Sequence[Entry]) -> dict[str, bytes]:
        """Return the content of some entries, by `path`; at most `size` bytes of each."""
        ...


@contextmanager
def open_regular(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file for reading. Raise RefusalError for anything else, without waiting."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise RefusalError(f"{quote(path.name)} can't be read: {error.strerror}") from None
    with os.fdopen(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise RefusalError(f"{quote(path.name)} is no regular file: hand in files only")
        yield file


@dataclass(frozen=True, kw_only=True)
class FolderStore:
    """A folder on disk. Links are refused, wherever they lead. Only regular files are opened."""

    root: Path

    def entries(self) -> list[Entry]:
        """Return the files in the folder."""
        checker = EntryChecker()
        waiting = [""]
        while waiting:
            waiting += self._level(waiting.pop(), checker)
        return checker.entries

    def _level(self, folder: str, checker: EntryChecker) -> list[str]:
        """Add the entries of one folder to the checker; return the folders in it."""
        folders = []
        with os.scandir(self.root / folder) as listing:
            for item in listing:
                name = f"{folder}{item.name}"
                parts = checker.admit(name)
                if parts is None:
                    continue
                status = item.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    checker.add_folder(parts)
                    folders.append(f"{name}/")
                else:
                    _must_be_regular(name, status.st_mode)
                    checker.add_file(name, parts, status.st_size)
        return folders

    def read(self, chosen: Sequence[Entry]) -> dict[str, bytes]:
        """Read the chosen files of the folder."""
        return {entry.path: _read(self.root / entry.path, entry.size) for entry in chosen}


@dataclass(frozen=True, kw_only=True)
class FileStore:
    """Some files on disk, by the names that the student gave them."""

    files: Mapping[str, Path]

    def entries(self) -> list[Entry]:
        """Return the one file."""
        checker = EntryChecker()
        for name, path in self.files.items():
            status = path.lstat()
            _must_be_regular(name, status.st_mode)
            parts = checker.admit(name)
            if parts is not None:
                checker.add_file(name, parts, status.st_size)
        return checker.entries

    def read(self, chosen: Sequence[Entry]) -> dict[str, bytes]:
        """Read the one file."""
        return {entry.path: _read(self.files[entry.path], entry.size) for entry in chosen}


def _read(path: Path, size: int) -> bytes:
    """Read at most this many bytes of a regular file."""
    with open_regular(path) as file:
        return file.read(size)


def _must_be_regular(name: str, mode: int) -> None:
    """Raise RefusalError if this is a link, a device, a pipe or a socket."""
    if stat.S_ISLNK(mode):
        raise RefusalError(f"{quote(name)} is a symbolic link: hand in the file that it leads to")
    if not stat.S_ISREG(mode):
        raise RefusalError(f"{quote(name)} is a device, pipe or socket: hand in files only")
