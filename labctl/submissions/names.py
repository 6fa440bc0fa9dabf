"""The rules for names in a submission. No name is ever used as a path on this machine."""

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
from labctl.submissions.refusal import RefusalError, quote

TRIES_FILE: Final = ".labctl-tries"
"""The file in which `labctl check` counts a student's tries, beside the student's files."""

_SKIPPED_NAMES: Final = frozenset(
    {TRIES_FILE, "__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", ".git", ".hg", ".svn"}
    | {".idea", ".vscode", ".venv", "__pycache__", ".ipynb_checkpoints", ".mypy_cache"}
    | {".pytest_cache", ".ruff_cache"}
)
"""Files and folders that systems and tools create, labctl among them, and that nobody hands in on
purpose.
"""

_APPLE_DOUBLE: Final = "._"
"""The prefix of files in which macOS keeps metadata of other files."""
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_FORBIDDEN_CATEGORIES: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories of control characters, of bytes that are not UTF-8, and of line breaks."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A regular file of a submission. `path` has `/` between folders; `size` is in bytes."""

    path: str
    size: int

    @property
    def name(self) -> str:
        """The file's name, without its folders."""
        return self.path.rpartition("/")[2]

    @property
    def depth(self) -> int:
        """The number of folders around the file."""
        return self.path.count("/")


def is_skipped(part: str) -> bool:
    """Tell whether a file or folder of that name is left out, with everything in it."""
    return part in _SKIPPED_NAMES or part.startswith(_APPLE_DOUBLE)


def split_name(name: str) -> tuple[str, ...]:
    """Return the folders and the file in a name, without `.`. Raise RefusalError if it is bad."""
    if any(unicodedata.category(char) in _FORBIDDEN_CATEGORIES for char in name):
        raise RefusalError(f"{quote(name)} has a control character in its name: rename that file")
    if len(name) > NAME_LENGTH:
        raise RefusalError(
            f"{quote(name)} has a name of more than {NAME_LENGTH} characters: shorten it"
        )
    if "\\" in name:
        raise RefusalError(f"{quote(name)} has a backslash in its name: write / between folders")
    if name.startswith("/"):
        raise RefusalError(f"{quote(name)} is an absolute path: pack the files with relative names")
    if _DRIVE.match(name):
        raise RefusalError(
            f"{quote(name)} begins with a drive letter: pack the files with relative names"
        )
    parts = name.split("/")
    if ".." in parts:
        raise RefusalError(f"{quote(name)} leads out of its folder with ..: pack the folder itself")
    if len(parts) > DEPTH:
        raise RefusalError(f"{quote(name)} is more than {DEPTH} folders deep: move it further up")
    return tuple(part for part in parts if part not in ("", "."))


def fold_name(name: str) -> str:
    """Return a name in one form for all that some file system takes for the same name."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


@dataclass(frozen=True, kw_only=True)
class _Name:
    path: str
    is_folder: bool


@dataclass(kw_only=True)
class EntryChecker:
    """The entries of one submission. Each is checked when it is added: its name, and the limits.

    All methods raise RefusalError if a rule is broken.
    """

    entries: list[Entry] = field(default_factory=list)
    _known: dict[str, _Name] = field(default_factory=dict)
    _files: set[str] = field(default_factory=set)
    _count: int = 0
    _skipped: int = 0
    _total: int = 0

    def admit(self, name: str) -> tuple[str, ...] | None:
        """Check and count a name. Return its folders and file; None if it is skipped."""
        parts = split_name(name)
        skipped = any(is_skipped(part) for part in parts)
        self._skipped += skipped
        self._count += not skipped
        if self._count > ENTRIES:
            raise RefusalError(
                f"the submission has more than {ENTRIES} files and folders: hand in only what is "
                "asked for"
            )
        if self._skipped > SKIPPED_ENTRIES:
            raise RefusalError(
                f"the submission has more than {SKIPPED_ENTRIES} entries like {quote(name)}: leave "
                "them out"
            )
        return None if skipped else parts

    def add_folder(self, parts: tuple[str, ...]) -> None:
        """Add a folder and the folders around it. A folder may be added several times."""
        for end in range(1, len(parts) + 1):
            self._add_name("/".join(parts[:end]), is_folder=True)

    def add_file(self, name: str, parts: tuple[str, ...], size: int) -> Entry:
        """Add a file of `size` bytes, and return its entry. `name` is for messages."""
        if not parts:
            raise RefusalError(f"{quote(name)} is a file without a name: pack the files again")
        self.add_folder(parts[:-1])
        entry = Entry(path="/".join(parts), size=size)
        self._add_name(entry.path, is_folder=False)
        self._total += size
        if self._total > TOTAL_BYTES:
            raise RefusalError(
                f"{quote(name)} makes the files larger than {TOTAL_BYTES // MIB} MiB in total: "
                "hand in only what is asked for"
            )
        self.entries.append(entry)
        return entry

    def _add_name(self, path: str, *, is_folder: bool) -> None:
        """Add a path that must differ from all others on every file system."""
        known = self._known.setdefault(fold_name(path), _Name(path=path, is_folder=is_folder))
        if known.path != path:
            raise RefusalError(
                f"{quote(path)} and {quote(known.path)} are the same name on some systems: rename "
                "one of them"
            )
        if known.is_folder != is_folder:
            raise RefusalError(f"{quote(path)} is both a file and a folder: rename one of them")
        if not is_folder and path in self._files:
            raise RefusalError(f"{quote(path)} is there twice: keep one of them")
        if not is_folder:
            self._files.add(path)
