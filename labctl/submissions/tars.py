"""Tar archives, packed or not, read from front to back.

Our own reader: the library's has no bounds on headers, and follows sizes and offsets that an
archive gives it into loops and megabytes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from labctl.submissions.limits import KIB, MIB, STREAM_BYTES, TOTAL_BYTES
from labctl.submissions.names import Entry, Roll
from labctl.submissions.packed import PACKINGS, Packing, pieces
from labctl.submissions.refused import Refused, damage_refused, shown

BLOCK: Final = 512
_HEADER_BYTES: Final = 16 * KIB
"""Bytes of a long name or of pax records; what is right has some hundreds."""

_CHECKSUM: Final = slice(148, 156)
_OCTAL: Final = re.compile(rb" *([0-7]*)[ \0]*")
_PAX: Final = re.compile(rb"(\d{1,5}) ([^=]+)=")
_FILES: Final = (b"0", b"\0", b"7")
_FOLDER: Final = b"5"
_OTHERS: Final = {
    b"1": "is a hard link: hand in the file itself",
    b"2": "is a symbolic link: hand in the file that it leads to",
    b"3": "is a device: hand in files only",
    b"4": "is a device: hand in files only",
    b"6": "is a pipe: hand in files only",
}
"""The kinds that are refused, unless they are skipped. None has data."""


@dataclass(frozen=True, kw_only=True)
class _Header:
    name: str
    size: int
    kind: bytes


@dataclass(frozen=True, kw_only=True)
class TarStore:
    """A tar archive in memory; `packing` is None where it isn't packed."""

    data: bytes
    packing: Packing | None

    def entries(self) -> list[Entry]:
        return list(self._walk(lambda _entry, _stream: None))

    def fetch(self, chosen: Sequence[Entry]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}

        def keep(entry: Entry, stream: _Stream) -> None:
            if entry in chosen:
                found[entry.path] = stream.take(entry.size)

        for _ in self._walk(keep):
            pass
        return found

    def _walk(self, visit: Callable[[Entry, _Stream], None]) -> Iterator[Entry]:
        """Every file, once `visit` saw it and took what it wants of its data."""
        with damage_refused("the archive", *_errors()):
            stream = _Stream(pieces(io.BytesIO(self.data), self.packing))
            roll = Roll()
            for header in _headers(stream):
                after = stream.position + -(-header.size // BLOCK) * BLOCK
                if entry := _taken(roll, header):
                    visit(entry, stream)
                    yield entry
                stream.skip(after - stream.position)


def is_tar(head: bytes) -> bool:
    """Whether 512 bytes are the header of an entry. There need not be a name of the format."""
    return len(head) >= BLOCK and head.strip(b"\0") != b"" and _is_summed(head[:BLOCK])


def packing_of(head: bytes) -> Packing | None:
    """How a file that begins so is packed."""
    return next((each for each in PACKINGS if head.startswith(each.magic)), None)


def _errors() -> tuple[type[Exception], ...]:
    import zlib  # noqa: PLC0415

    try:
        from lzma import LZMAError  # noqa: PLC0415 some Pythons lack it
    except ImportError:
        return (zlib.error,)
    return (zlib.error, LZMAError)


class _Stream:
    """Bytes in order, counted: beyond STREAM_BYTES is Refused, and EOFError where there are none.

    `skip` holds one piece at a time.
    """

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source = source
        self._piece = b""
        self._at = 0
        self.position = 0

    def take(self, size: int) -> bytes:
        return b"".join(self._parts(size))

    def skip(self, size: int) -> None:
        for _ in self._parts(size):
            pass

    def must_end(self) -> None:
        """Reads on to the end, so that a checksum of the packing is compared."""
        while piece := self._some(BLOCK):
            if piece.strip(b"\0"):
                raise Refused("the archive has data after its end: pack the files anew")

    def _parts(self, size: int) -> Iterator[bytes]:
        while size:
            part = self._some(size)
            if not part:
                raise EOFError
            size -= len(part)
            yield part

    def _some(self, size: int) -> bytes:
        if self._at == len(self._piece):
            self._piece, self._at = next(self._source, b""), 0
        part = self._piece[self._at : self._at + size]
        self._at += len(part)
        self.position += len(part)
        if self.position > STREAM_BYTES:
            raise Refused(
                f"the archive unpacks to more than {TOTAL_BYTES // MIB} MiB: hand in what is asked "
                "for"
            )
        return part


def _headers(stream: _Stream) -> Iterator[_Header]:
    """The header of each entry, with the names and sizes that headers before it gave it."""
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
    if not _is_summed(block):
        raise ValueError
    name = block[:100].partition(b"\0")[0]
    prefix = block[345:500].partition(b"\0")[0] if block[257:263] == b"ustar\0" else b""
    kind = block[156:157]
    whole = _text(prefix + b"/" + name if prefix else name)
    return _Header(name=whole, size=_octal(block[124:136]), kind=kind)


def _is_summed(block: bytes) -> bool:
    written = _OCTAL.fullmatch(block[_CHECKSUM])
    total = sum(block) - sum(block[_CHECKSUM]) + 8 * ord(" ")
    return written is not None and int(written[1] or b"0", 8) == total


def _octal(field: bytes) -> int:
    """A number as headers have it. ValueError for those beyond 8 GiB, written in another way."""
    found = _OCTAL.fullmatch(field)
    if not found:
        raise ValueError
    return int(found[1] or b"0", 8)


def _text(name: bytes) -> str:
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        return name.decode("latin-1")


def _extension(stream: _Stream, header: _Header) -> bytes:
    """What a header that speaks of the next one has to say."""
    if header.size > _HEADER_BYTES:
        raise Refused(
            f"{shown(header.name)} is a header of more than {_HEADER_BYTES // KIB} KiB: pack the "
            "files anew"
        )
    data = stream.take(header.size)
    stream.skip(-header.size % BLOCK)
    return data


def _pax(
    data: bytes, header: _Header, name: str | None, size: int | None
) -> tuple[str | None, int | None]:
    """The name and size that pax records give the next entry; those it has where they don't."""
    while data:
        found = _PAX.match(data)
        if not found or not found.end() < int(found[1]) <= len(data):
            raise ValueError
        value = data[found.end() : int(found[1]) - 1]
        if found[2].startswith(b"GNU.sparse."):
            raise Refused(f"{shown(header.name)} is of a sparse file: pack the files anew")
        if found[2] in (b"path", b"size") and header.kind == b"g":
            raise Refused("the archive gives all its files one name or size: pack the files anew")
        if found[2] == b"path":
            name = value.decode("utf-8")
        if found[2] == b"size":
            size = int(value) if re.fullmatch(rb"\d{1,12}", value) else _octal(value)
        data = data[int(found[1]) :]
    return name, size


def _taken(roll: Roll, header: _Header) -> Entry | None:
    """The entry of a file, checked; None for a folder, and for what is skipped."""
    parts = roll.meets(header.name)
    is_folder = header.kind == _FOLDER or (header.kind == b"\0" and header.name.endswith("/"))
    if parts is not None and header.kind in _OTHERS:
        raise Refused(f"{shown(header.name)} {_OTHERS[header.kind]}")
    if header.size and (is_folder or header.kind in _OTHERS):
        raise Refused(f"{shown(header.name)} is no file, but has content: pack the files anew")
    if not is_folder and header.kind not in (*_OTHERS, *_FILES):
        raise Refused(
            f"{shown(header.name)} is of kind {shown(header.kind.decode('latin-1'))}, which is not "
            "read here: pack the files as a plain zip"
        )
    if parts is None or is_folder:
        roll.folder(parts or ())
        return None
    return roll.file(header.name, parts, header.size)
