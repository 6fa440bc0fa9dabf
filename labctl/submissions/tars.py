"""Tar archives, compressed or not, read from front to back.

This is labctl's own reader, because tarfile has no limits on headers: it follows any size and
offset in an archive, into endless loops and large memory.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from labctl.submissions.compression import COMPRESSIONS, Compression, unpack
from labctl.submissions.limits import KIB, MIB, STREAM_BYTES, TOTAL_BYTES
from labctl.submissions.names import Entry, EntryChecker
from labctl.submissions.refusal import RefusalError, quote, refuse_damage

BLOCK: Final = 512
_HEADER_BYTES: Final = 16 * KIB
"""Bytes of a long name or of pax records; valid archives have some hundreds."""

_CHECKSUM: Final = slice(148, 156)
_OCTAL: Final = re.compile(rb" *([0-7]*)[ \0]*")
_PAX: Final = re.compile(rb"(\d{1,5}) ([^=]+)=")
_FILE_KINDS: Final = (b"0", b"\0", b"7")
_FOLDER_KIND: Final = b"5"
_REFUSED_KINDS: Final = {
    b"1": "is a hard link: hand in the file itself",
    b"2": "is a symbolic link: hand in the file that it leads to",
    b"3": "is a device: hand in files only",
    b"4": "is a device: hand in files only",
    b"6": "is a pipe: hand in files only",
}
"""The kinds of entries that are refused, unless their names are skipped. They have no data."""


@dataclass(frozen=True, kw_only=True)
class _Header:
    name: str
    size: int
    kind: bytes


@dataclass(frozen=True, kw_only=True)
class TarStore:
    """A tar archive in memory; `compression` is None if it is not compressed."""

    data: bytes
    compression: Compression | None

    def entries(self) -> list[Entry]:
        """Return the files in the tar archive, without unpacking them."""
        return list(self._walk(lambda _entry, _stream: None))

    def read(self, chosen: Sequence[Entry]) -> dict[str, bytes]:
        """Unpack the chosen files of the tar archive in memory."""
        contents: dict[str, bytes] = {}

        def keep(entry: Entry, stream: _Stream) -> None:
            if entry in chosen:
                contents[entry.path] = stream.take(entry.size)

        for _ in self._walk(keep):
            pass
        return contents

    def _walk(self, visit: Callable[[Entry, _Stream], None]) -> Iterator[Entry]:
        """Yield every file, checked; `visit` is called first, and may take the file's data."""
        with refuse_damage("the archive", *_unpack_errors()):
            stream = _Stream(unpack(io.BytesIO(self.data), self.compression))
            checker = EntryChecker()
            for header in _headers(stream):
                end = stream.position + -(-header.size // BLOCK) * BLOCK
                if entry := _checked_entry(checker, header):
                    visit(entry, stream)
                    yield entry
                stream.skip(end - stream.position)


def is_tar(head: bytes) -> bool:
    """Tell whether 512 bytes are a tar header, by their checksum: old formats have no magic."""
    return len(head) >= BLOCK and head.strip(b"\0") != b"" and _has_valid_checksum(head[:BLOCK])


def compression_of(head: bytes) -> Compression | None:
    """Return the compression of a file by its first bytes; None if it is not compressed."""
    return next((each for each in COMPRESSIONS if head.startswith(each.magic)), None)


def _unpack_errors() -> tuple[type[Exception], ...]:
    """Return the errors of decompressors for damaged data that are no ValueError or OSError."""
    import zlib  # noqa: PLC0415

    try:
        from lzma import LZMAError  # noqa: PLC0415 some Pythons lack it
    except ImportError:
        return (zlib.error,)
    return (zlib.error, LZMAError)


class _Stream:
    """The unpacked bytes of an archive, in order. `position` counts them.

    Raise RefusalError beyond STREAM_BYTES, and EOFError at the end of the data.
    """

    def __init__(self, source: Iterator[bytes]) -> None:
        """Take the unpacked pieces of the archive."""
        self._source = source
        self._piece = b""
        self._at = 0
        self.position = 0

    def take(self, size: int) -> bytes:
        """Return exactly this many of the next bytes. Raise EOFError if there are fewer."""
        return b"".join(self._parts(size))

    def skip(self, size: int) -> None:
        """Skip the next bytes, with only one piece of them in memory at a time."""
        for _ in self._parts(size):
            pass

    def must_end(self) -> None:
        """Read to the end, where the compression's checksum is compared; only zeros may follow."""
        while piece := self._some(BLOCK):
            if piece.strip(b"\0"):
                raise RefusalError("the archive has data after its end: pack the files again")

    def _parts(self, size: int) -> Iterator[bytes]:
        """Yield the next bytes in pieces. Raise EOFError if there are fewer."""
        while size:
            part = self._some(size)
            if not part:
                raise EOFError
            size -= len(part)
            yield part

    def _some(self, size: int) -> bytes:
        """Return some of the next bytes; none at the end. Raise RefusalError if the archive is too
        large.
        """
        if self._at == len(self._piece):
            self._piece, self._at = next(self._source, b""), 0
        part = self._piece[self._at : self._at + size]
        self._at += len(part)
        self.position += len(part)
        if self.position > STREAM_BYTES:
            raise RefusalError(
                f"the archive unpacks to more than {TOTAL_BYTES // MIB} MiB: hand in only what "
                "is asked for"
            )
        return part


def _headers(stream: _Stream) -> Iterator[_Header]:
    """Yield the header of each entry, with the name and size from extension headers before it."""
    name, size = None, None
    while True:
        block = stream.take(BLOCK)
        if not block.strip(b"\0"):
            stream.must_end()
            return
        header = _header(block)
        if header.kind in b"LKxg":
            data = _extension(stream, header)
            if header.kind == b"L":
                name = _text(data.rstrip(b"\0"))
            elif header.kind != b"K":
                name, size = _pax(data, header, name, size)
            continue
        yield _Header(
            name=header.name if name is None else name,
            size=header.size if size is None else size,
            kind=header.kind,
        )
        name, size = None, None


def _header(block: bytes) -> _Header:
    """Parse a tar header. Raise ValueError if it is none."""
    if not _has_valid_checksum(block):
        raise ValueError
    name = block[:100].partition(b"\0")[0]
    prefix = block[345:500].partition(b"\0")[0] if block[257:263] == b"ustar\0" else b""
    kind = block[156:157]
    whole = _text(prefix + b"/" + name if prefix else name)
    return _Header(name=whole, size=_octal(block[124:136]), kind=kind)


def _has_valid_checksum(block: bytes) -> bool:
    """Tell whether a header has the right checksum."""
    checksum = _OCTAL.fullmatch(block[_CHECKSUM])
    total = sum(block) - sum(block[_CHECKSUM]) + 8 * ord(" ")
    return checksum is not None and int(checksum[1] or b"0", 8) == total


def _octal(field: bytes) -> int:
    """Return a number in a header. Raise ValueError for the binary form of sizes over 8 GiB."""
    match = _OCTAL.fullmatch(field)
    if not match:
        raise ValueError
    return int(match[1] or b"0", 8)


def _text(name: bytes) -> str:
    """Decode a name: as UTF-8, or else as Latin-1."""
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        return name.decode("latin-1")


def _extension(stream: _Stream, header: _Header) -> bytes:
    """Return the data of an extension header, which describes the next header."""
    if header.size > _HEADER_BYTES:
        raise RefusalError(
            f"{quote(header.name)} is a header of more than {_HEADER_BYTES // KIB} KiB: pack the "
            "files again"
        )
    data = stream.take(header.size)
    stream.skip(-header.size % BLOCK)
    return data


def _pax(
    data: bytes, header: _Header, name: str | None, size: int | None
) -> tuple[str | None, int | None]:
    """Return the name and size of the next entry, as pax records change them (POSIX pax format)."""
    while data:
        record = _PAX.match(data)
        if not record or not record.end() < int(record[1]) <= len(data):
            raise ValueError
        value = data[record.end() : int(record[1]) - 1]
        if record[2].startswith(b"GNU.sparse."):
            raise RefusalError(f"{quote(header.name)} is a sparse file: pack the files again")
        if record[2] in (b"path", b"size") and header.kind == b"g":
            raise RefusalError(
                "the archive gives all its files one name or size: pack the files again"
            )
        if record[2] == b"path":
            name = value.decode("utf-8")
        if record[2] == b"size":
            size = int(value) if re.fullmatch(rb"\d{1,12}", value) else _octal(value)
        data = data[int(record[1]) :]
    return name, size


def _checked_entry(checker: EntryChecker, header: _Header) -> Entry | None:
    """Check one entry, and return it if it is a file; None if it is a folder, or skipped."""
    parts = checker.admit(header.name)
    is_folder = header.kind == _FOLDER_KIND or (header.kind == b"\0" and header.name.endswith("/"))
    if parts is not None and header.kind in _REFUSED_KINDS:
        raise RefusalError(f"{quote(header.name)} {_REFUSED_KINDS[header.kind]}")
    if header.size and (is_folder or header.kind in _REFUSED_KINDS):
        raise RefusalError(
            f"{quote(header.name)} has content, but is no file: pack the files again"
        )
    if not is_folder and header.kind not in (*_REFUSED_KINDS, *_FILE_KINDS):
        raise RefusalError(
            f"{quote(header.name)} is of the kind {quote(header.kind.decode('latin-1'))}, which "
            "labctl can't read: pack the files as a plain zip"
        )
    if parts is None or is_folder:
        checker.add_folder(parts or ())
        return None
    return checker.add_file(header.name, parts, header.size)
