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

_NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
_FLAGS: int = os.O_RDONLY | _NO_FOLLOW | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
"""Windows has none of the last three, and neither pipes nor devices in folders."""
_JUNCTION = 0xA0000003
"""IO_REPARSE_TAG_MOUNT_POINT of Windows: a folder that leads elsewhere, and is no symbolic link."""


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
        if not _NO_FOLLOW and _is_link(path.lstat()):
            raise _link(path.name)
        number = os.open(path, _FLAGS)
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
                if stat.S_ISDIR(status.st_mode) and not _is_link(status):
                    checker.add_folder(parts)
                    folders.append(f"{name}/")
                else:
                    _must_be_regular(name, status)
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
            _must_be_regular(name, status)
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


def _must_be_regular(name: str, status: os.stat_result) -> None:
    """Raise RefusalError if this is a link, a device, a pipe or a socket."""
    if _is_link(status):
        raise _link(name)
    if not stat.S_ISREG(status.st_mode):
        raise RefusalError(f"{quote(name)} is a device, pipe or socket: hand in files only")


def _is_link(status: os.stat_result) -> bool:
    """Tell whether this leads elsewhere: a symbolic link, or a junction of Windows."""
    return stat.S_ISLNK(status.st_mode) or getattr(status, "st_reparse_tag", 0) == _JUNCTION


def _link(name: str) -> RefusalError:
    """Return the refusal of a link."""
    return RefusalError(f"{quote(name)} is a symbolic link: hand in the file that it leads to")
