"""Zip archives, read in memory. The whole directory is checked before any entry is unpacked."""

from __future__ import annotations

import io
import stat
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from labctl.submissions.limits import (
    BULK_DIRECTORY_BYTES,
    DIRECTORY_BYTES,
    RATIO,
    RATIO_FROM,
)
from labctl.submissions.names import Entry, EntryChecker
from labctl.submissions.refusal import RefusalError, quote, refuse_damage
from labctl.submissions.store import open_regular

MAGIC: Final = (b"PK\x03\x04", b"PK\x05\x06")
"""The first bytes of a zip: of its first entry, or of the end of its directory if it is empty."""

_ENCRYPTED: Final = 0x2041
"""The flags of encryption, strong encryption and an encrypted directory."""

_UTF8: Final = 0x800
_LOCAL_HEADER: Final = 30
"""Bytes of the header before an entry's data, without the name in it."""


@dataclass(frozen=True, kw_only=True)
class ZipStore:
    """A student's zip, in memory."""

    data: bytes

    def entries(self) -> list[Entry]:
        """Return the files in the zip archive, without unpacking them."""
        with _zip(io.BytesIO(self.data), DIRECTORY_BYTES) as archive:
            return list(_checked_entries(archive, lambda name: name))

    def read(self, chosen: Sequence[Entry]) -> dict[str, bytes]:
        """Unpack the chosen files of the zip archive in memory."""
        with _zip(io.BytesIO(self.data), DIRECTORY_BYTES) as archive:
            infos = _checked_entries(archive, lambda name: name)
            return {entry.path: _unpack(archive, infos[entry], entry) for entry in chosen}


@dataclass(frozen=True, kw_only=True)
class CourseZipStore:
    """The files of one student in a course's zip.

    `members` are the student's own names of the files, by their names in the zip.
    """

    archive: Path
    members: Mapping[str, str]

    def entries(self) -> list[Entry]:
        """Return one submission's files in a course system's download, without unpacking them."""
        with open_regular(self.archive) as file, _zip(file, BULK_DIRECTORY_BYTES) as archive:
            return list(_checked_entries(archive, self.members.get))

    def read(self, chosen: Sequence[Entry]) -> dict[str, bytes]:
        """Unpack the chosen files of one submission of the download in memory."""
        with open_regular(self.archive) as file, _zip(file, BULK_DIRECTORY_BYTES) as archive:
            infos = _checked_entries(archive, self.members.get)
            return {entry.path: _unpack(archive, infos[entry], entry) for entry in chosen}


def zip_names(path: Path) -> list[str]:
    """Return the names in a zip, unchecked. Raise RefusalError if the zip is damaged."""
    with open_regular(path) as file, _zip(file, BULK_DIRECTORY_BYTES) as archive:
        return [_name(info) for info in archive.infolist()]


def _checked_entries(
    archive: zipfile.ZipFile, rename: Callable[[str], str | None]
) -> dict[Entry, zipfile.ZipInfo]:
    """Check a zip's directory, and return its files under the names that `rename` gives them.

    Files for which `rename` returns None are left out. Raise RefusalError if a rule is broken.
    """
    infos = archive.infolist()
    _must_not_overlap(infos, archive.start_dir)
    checker = EntryChecker()
    files = {}
    for info in infos:
        name = rename(_name(info))
        if name is not None and (entry := _checked_entry(checker, name, info)):
            files[entry] = info
    return files


def _checked_entry(checker: EntryChecker, name: str, info: zipfile.ZipInfo) -> Entry | None:
    """Check one entry, and return it if it is a file; None if it is a folder, or skipped."""
    parts = checker.admit(name)
    if parts is None:
        return None
    _must_be_plain(name, info)
    if name.endswith("/"):
        checker.add_folder(parts)
        return None
    _must_not_be_a_bomb(name, info)
    return checker.add_file(name, parts, info.file_size)


def _must_be_plain(name: str, info: zipfile.ZipInfo) -> None:
    """Raise RefusalError if an entry is a link, a device, or encrypted."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        raise RefusalError(f"{quote(name)} is a symbolic link: hand in the file that it leads to")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise RefusalError(f"{quote(name)} is a device, pipe or socket: hand in files only")
    if name.endswith("/") != (kind == stat.S_IFDIR) and kind:
        raise RefusalError(f"{quote(name)} is both a file and a folder: pack the files again")
    if info.flag_bits & _ENCRYPTED:
        raise RefusalError(f"{quote(name)} is encrypted: pack the files without a password")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise RefusalError(
            f"{quote(name)} is compressed with method {info.compress_type}, which labctl can't "
            "read: pack the files as a plain zip"
        )
    if name.endswith("/") and info.file_size:
        raise RefusalError(f"{quote(name)} is a folder, but has content: pack the files again")


def _must_not_be_a_bomb(name: str, info: zipfile.ZipInfo) -> None:
    """Raise RefusalError if an entry unpacks to too many times its size."""
    if info.file_size > RATIO_FROM and info.file_size > RATIO * info.compress_size:
        raise RefusalError(
            f"{quote(name)} unpacks to more than {RATIO} times its size: leave it out, or "
            "compress it less"
        )


def _must_not_overlap(infos: list[zipfile.ZipInfo], end: int) -> None:
    """Raise RefusalError if entries share bytes, as in zip bombs; `end` is the directory's
    offset.
    """
    starts = sorted(infos, key=lambda info: info.header_offset)
    if starts and starts[0].header_offset:
        raise RefusalError("the zip has bytes before its first entry: pack the files again")
    ends = [info.header_offset for info in starts[1:]] + [end]
    for info, following in zip(starts, ends, strict=False):
        # The length of the name is in characters. It has as many bytes or more, so that no valid
        # entry is refused.
        least = _LOCAL_HEADER + len(info.orig_filename) + info.compress_size
        if info.header_offset + least > following:
            raise RefusalError(f"{quote(_name(info))} overlaps another entry: pack the files again")


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, entry: Entry) -> bytes:
    """Unpack an entry. Raise RefusalError if it is damaged, or another size than it says."""
    with (
        refuse_damage(quote(entry.path), zipfile.BadZipFile, zlib.error),
        archive.open(info) as file,
    ):
        data = file.read(entry.size)
        # The checksum is compared when a read reaches the end.
        if len(data) != entry.size or file.read(1):
            raise EOFError
        return data


def _name(info: zipfile.ZipInfo) -> str:
    """Return an entry's whole name, because `filename` ends at a NUL.

    A name that is valid UTF-8 is read as such, because some systems do not set the flag for it.
    """
    name = info.orig_filename
    if info.flag_bits & _UTF8:
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name


@contextmanager
def _zip(file: BinaryIO, max_directory: int) -> Iterator[zipfile.ZipFile]:
    """Open a zip whose directory has at most so many bytes. Raise RefusalError if it can't."""
    with ExitStack() as stack:
        bounded = _BoundedFile(file, max_directory)
        with refuse_damage("the zip", zipfile.BadZipFile, zlib.error):
            archive = stack.enter_context(zipfile.ZipFile(bounded))
        bounded.limit = sys.maxsize
        yield archive


class _BoundedFile:
    """A file in which one read returns less than `limit` bytes; a longer one raises RefusalError.

    zipfile reads a directory with one read, and needs twenty times as much memory for it.
    """

    def __init__(self, file: BinaryIO, limit: int) -> None:
        """Take the file, and the bytes that one read must stay below."""
        self._file = file
        self.limit = limit

    def read(self, size: int = -1) -> bytes:
        """Read bytes. Raise RefusalError if that is too many."""
        data = self._file.read(min(size, self.limit) if size >= 0 else self.limit)
        if len(data) == self.limit:
            raise RefusalError(
                "the directory of the zip is too large: hand in only what is asked for"
            )
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position, and return it."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._file.tell()

    def seekable(self) -> bool:
        """Return True."""
        return True
