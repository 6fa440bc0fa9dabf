"""Zip archives, read in memory: their directory is checked as a whole before anything of it is
unpacked.
"""

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
from labctl.submissions.names import Entry, Roll
from labctl.submissions.refused import Refused, damage_refused, shown
from labctl.submissions.store import opened

MAGIC: Final = (b"PK\x03\x04", b"PK\x05\x06")
"""How a zip begins: with its first entry, or with the end of its directory where it has none."""

_ENCRYPTED: Final = 0x2041
"""Flags: encrypted, strongly encrypted, directory encrypted."""

_UTF8: Final = 0x800
_LOCAL_HEADER: Final = 30
"""Bytes before an entry's name, which stands once more before its data."""


@dataclass(frozen=True, kw_only=True)
class ZipStore:
    """A student's zip, in memory."""

    data: bytes

    def entries(self) -> list[Entry]:
        with _zip(io.BytesIO(self.data), DIRECTORY_BYTES) as found:
            return list(_listed(found, lambda name: name))

    def fetch(self, chosen: Sequence[Entry]) -> dict[str, bytes]:
        with _zip(io.BytesIO(self.data), DIRECTORY_BYTES) as found:
            infos = _listed(found, lambda name: name)
            return {entry.path: _unpacked(found, infos[entry], entry) for entry in chosen}


@dataclass(frozen=True, kw_only=True)
class MemberStore:
    """Some of the files in a course's zip; `members` has the names that they were handed in with
    by their names in the zip.
    """

    archive: Path
    members: Mapping[str, str]

    def entries(self) -> list[Entry]:
        with opened(self.archive) as file, _zip(file, BULK_DIRECTORY_BYTES) as found:
            return list(_listed(found, self.members.get))

    def fetch(self, chosen: Sequence[Entry]) -> dict[str, bytes]:
        with opened(self.archive) as file, _zip(file, BULK_DIRECTORY_BYTES) as found:
            infos = _listed(found, self.members.get)
            return {entry.path: _unpacked(found, infos[entry], entry) for entry in chosen}


def names_in(archive: Path) -> list[str]:
    """The names in a zip, as they are: none of them was checked. Refused where it is damaged."""
    with opened(archive) as file, _zip(file, BULK_DIRECTORY_BYTES) as found:
        return [_name(info) for info in found.infolist()]


def _listed(
    found: zipfile.ZipFile, renamed: Callable[[str], str | None]
) -> dict[Entry, zipfile.ZipInfo]:
    """The files of a zip that `renamed` has a name for, each with what tells where it is."""
    infos = found.infolist()
    _must_not_overlap(infos, found.start_dir)
    roll = Roll()
    kept = {}
    for info in infos:
        name = renamed(_name(info))
        if name is not None and (entry := _taken(roll, name, info)):
            kept[entry] = info
    return kept


def _taken(roll: Roll, name: str, info: zipfile.ZipInfo) -> Entry | None:
    """The entry of a file, checked; None for a folder, and for what is skipped."""
    parts = roll.meets(name)
    if parts is None:
        return None
    _must_be_plain(name, info)
    if name.endswith("/"):
        roll.folder(parts)
        return None
    _must_not_be_a_bomb(name, info)
    return roll.file(name, parts, info.file_size)


def _must_be_plain(name: str, info: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        raise Refused(f"{shown(name)} is a symbolic link: hand in the file that it leads to")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise Refused(f"{shown(name)} is a device, pipe or socket: hand in files only")
    if name.endswith("/") != (kind == stat.S_IFDIR) and kind:
        raise Refused(f"{shown(name)} is both a file and a folder: pack the files anew")
    if info.flag_bits & _ENCRYPTED:
        raise Refused(f"{shown(name)} is encrypted: pack the files without a password")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Refused(
            f"{shown(name)} is packed by method {info.compress_type}, which is not read here: pack "
            "the files as a plain zip"
        )
    if name.endswith("/") and info.file_size:
        raise Refused(f"{shown(name)} is a folder with content of its own: pack the files anew")


def _must_not_be_a_bomb(name: str, info: zipfile.ZipInfo) -> None:
    if info.file_size > RATIO_FROM and info.file_size > RATIO * info.compress_size:
        raise Refused(
            f"{shown(name)} unpacks to more than {RATIO} times its size: leave it out, or pack it "
            "less tightly"
        )


def _must_not_overlap(infos: list[zipfile.ZipInfo], end: int) -> None:
    """Bombs let many entries share the same packed bytes; `end` is where the directory begins."""
    starts = sorted(infos, key=lambda info: info.header_offset)
    if starts and starts[0].header_offset:
        raise Refused("the zip has bytes before its first entry: pack the files anew")
    ends = [info.header_offset for info in starts[1:]] + [end]
    for info, following in zip(starts, ends, strict=False):
        # the name is counted in characters: at most what it has in bytes, so nothing is accused
        least = _LOCAL_HEADER + len(info.orig_filename) + info.compress_size
        if info.header_offset + least > following:
            raise Refused(f"{shown(_name(info))} overlaps another entry: pack the files anew")


def _unpacked(found: zipfile.ZipFile, info: zipfile.ZipInfo, entry: Entry) -> bytes:
    with (
        damage_refused(shown(entry.path), zipfile.BadZipFile, zlib.error),
        found.open(info) as file,
    ):
        data = file.read(entry.size)
        # one more read sees the end, where the checksum is compared
        if len(data) != entry.size or file.read(1):
            raise EOFError
        return data


def _name(info: zipfile.ZipInfo) -> str:
    """The whole name: `filename` ends at a NUL. Some systems write UTF-8 and don't say so."""
    name = info.orig_filename
    if info.flag_bits & _UTF8:
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name


@contextmanager
def _zip(file: BinaryIO, directory: int) -> Iterator[zipfile.ZipFile]:
    """A zip whose directory has at most `directory` bytes. Refused where it is damaged."""
    with ExitStack() as stack:
        bounded = _Bounded(file, directory)
        with damage_refused("the zip", zipfile.BadZipFile, zlib.error):
            found = stack.enter_context(zipfile.ZipFile(bounded))
        bounded.most = sys.maxsize
        yield found


class _Bounded:
    """A file of which less than `most` bytes are read at a time: zipfile takes in a directory at
    once, and makes twenty times as much of it.
    """

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file = file
        self.most = most

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(min(size, self.most) if size >= 0 else self.most)
        if len(data) == self.most:
            raise Refused("the zip has too large a directory: hand in what is asked for")
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True
