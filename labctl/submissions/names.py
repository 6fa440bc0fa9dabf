"""The rules for names in a submission. None is ever used as a path on this machine's disk."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final

from labctl.submissions.limits import (
    DEPTH,
    ENTRIES,
    MIB,
    NAME_LENGTH,
    SKIPPED_ENTRIES,
    TOTAL_BYTES,
)
from labctl.submissions.refused import Refused, shown

_SKIPPED: Final = frozenset(
    {"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", ".git", ".hg", ".svn", ".idea"}
    | {".vscode", ".venv", "__pycache__", ".ipynb_checkpoints", ".mypy_cache", ".pytest_cache"}
    | {".ruff_cache"}
)
"""What systems and tools leave behind, and nobody means to hand in."""

_APPLE_DOUBLE: Final = "._"
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_UNFIT: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories: control characters, what is not UTF-8, and breaks of lines."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A regular file of a submission. `path` has `/` between folders; `size` is in bytes."""

    path: str
    size: int

    @property
    def base(self) -> str:
        """The name without its folders."""
        return self.path.rpartition("/")[2]

    @property
    def depth(self) -> int:
        """In how many folders it is."""
        return self.path.count("/")


def is_skipped(part: str) -> bool:
    """Whether a file or folder of that name is left out, with all in it."""
    return part in _SKIPPED or part.startswith(_APPLE_DOUBLE)


def split_name(name: str) -> tuple[str, ...]:
    """The folders and the file that a name leads through, without `.`; Refused for a bad name."""
    if any(unicodedata.category(char) in _UNFIT for char in name):
        raise Refused(f"{shown(name)} has a control character in its name: rename that file")
    if len(name) > NAME_LENGTH:
        raise Refused(f"{shown(name)} has a name of over {NAME_LENGTH} characters: shorten it")
    if "\\" in name:
        raise Refused(f"{shown(name)} has a backslash in its name: folders are parted by /")
    if name.startswith("/"):
        raise Refused(f"{shown(name)} is an absolute path: pack the files by relative names")
    if _DRIVE.match(name):
        raise Refused(f"{shown(name)} begins with a drive letter: pack the files by relative names")
    parts = name.split("/")
    if ".." in parts:
        raise Refused(f"{shown(name)} leads out of its folder with ..: pack the folder itself")
    if len(parts) > DEPTH:
        raise Refused(f"{shown(name)} is more than {DEPTH} folders deep: put it further up")
    return tuple(part for part in parts if part not in ("", "."))


def folded(name: str) -> str:
    """What names have in common that some file system takes for the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


@dataclass(frozen=True, kw_only=True)
class _Known:
    path: str
    is_folder: bool


@dataclass(kw_only=True)
class Roll:
    """The entries of one submission, as they are met: every name once, and within the limits."""

    entries: list[Entry] = field(default_factory=list)
    _known: dict[str, _Known] = field(default_factory=dict)
    _files: set[str] = field(default_factory=set)
    _count: int = 0
    _skipped: int = 0
    _total: int = 0

    def meets(self, name: str) -> tuple[str, ...] | None:
        """The parts of a name, counted; None where it is to be skipped. Refused for a bad name."""
        parts = split_name(name)
        is_left_out = any(is_skipped(part) for part in parts)
        self._skipped += is_left_out
        self._count += not is_left_out
        if self._count > ENTRIES:
            raise Refused(f"holds more than {ENTRIES} files and folders: hand in what is asked for")
        if self._skipped > SKIPPED_ENTRIES:
            raise Refused(
                f"has more than {SKIPPED_ENTRIES} entries like {shown(name)}: leave them out"
            )
        return None if is_left_out else parts

    def folder(self, parts: tuple[str, ...]) -> None:
        """Takes a folder, and those that it is in. One may come several times."""
        for end in range(1, len(parts) + 1):
            self._once("/".join(parts[:end]), is_folder=True)

    def file(self, name: str, parts: tuple[str, ...], size: int) -> Entry:
        """Takes a file of `size` bytes."""
        if not parts:
            raise Refused(f"{shown(name)} is a file without a name: pack the files anew")
        self.folder(parts[:-1])
        entry = Entry(path="/".join(parts), size=size)
        self._once(entry.path, is_folder=False)
        self._total += size
        if self._total > TOTAL_BYTES:
            raise Refused(
                f"{shown(name)} takes the files beyond {TOTAL_BYTES // MIB} MiB in all: hand in "
                "what is asked for"
            )
        self.entries.append(entry)
        return entry

    def _once(self, path: str, *, is_folder: bool) -> None:
        known = self._known.setdefault(folded(path), _Known(path=path, is_folder=is_folder))
        if known.path != path:
            raise Refused(
                f"{shown(path)} and {shown(known.path)} are the same name to some systems: rename "
                "one of the two"
            )
        if known.is_folder != is_folder:
            raise Refused(f"{shown(path)} is both a file and a folder: rename one of the two")
        if not is_folder and path in self._files:
            raise Refused(f"{shown(path)} is there twice: keep one of the two")
        if not is_folder:
            self._files.add(path)
