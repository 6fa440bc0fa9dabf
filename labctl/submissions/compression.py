"""Compressed streams, unpacked in pieces: no stream is ever in memory as a whole."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol

from labctl.submissions.limits import KIB, PACKED_STREAMS, XZ_MEMORY
from labctl.submissions.refusal import RefusalError

_PIECE: Final = 64 * KIB


class _Unpacker(Protocol):
    """The interface of decompressors in bz2 and lzma; `_Gzip` gives it to zlib."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gzip:
    """A zlib decompressor that keeps the input that it has not unpacked yet, as bz2 and lzma do."""

    def __init__(self) -> None:
        """Begin with nothing unpacked."""
        self._inner = zlib.decompressobj(16 + zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        """Whether the compressed data has ended."""
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        """Whether more compressed data is needed."""
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        """The bytes after the compressed data."""
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Unpack data, and return at most this many bytes."""
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


def _bzip2() -> _Unpacker:
    """Return an unpacker for bzip2."""
    from bz2 import BZ2Decompressor  # noqa: PLC0415 some Pythons lack it

    return BZ2Decompressor()


def _xz() -> _Unpacker:
    """Return an unpacker for xz that uses little memory."""
    from lzma import FORMAT_XZ, LZMADecompressor  # noqa: PLC0415 some Pythons lack it

    return LZMADecompressor(format=FORMAT_XZ, memlimit=XZ_MEMORY)


@dataclass(frozen=True, kw_only=True)
class Compression:
    """A compression format. `magic` are the first bytes of its files."""

    name: str
    magic: bytes
    new_unpacker: Callable[[], _Unpacker]

    def unpacker(self) -> _Unpacker:
        """Return a new decompressor. Raise RefusalError if this Python has no module for it."""
        try:
            return self.new_unpacker()
        except ImportError:
            raise RefusalError(f"this Python can't read {self.name}: hand in a zip") from None


COMPRESSIONS: Final = (
    Compression(name="gzip", magic=b"\x1f\x8b", new_unpacker=_Gzip),
    Compression(name="bzip2", magic=b"BZh", new_unpacker=_bzip2),
    Compression(name="xz", magic=b"\xfd7zXZ\x00", new_unpacker=_xz),
)


def unpack(file: BinaryIO, compression: Compression | None) -> Iterator[bytes]:
    """Yield the unpacked content of a file, in pieces of at most 64 KiB.

    Only further streams and zeros may follow the first stream. Raise EOFError if the file is
    incomplete, RefusalError for too many streams, and the errors of zlib, bz2 and lzma.
    """
    if compression is None:
        yield from iter(lambda: file.read(_PIECE), b"")
        return
    rest = file.read(_PIECE)
    for _ in range(PACKED_STREAMS):
        rest = yield from _stream(rest, file, compression.unpacker())
        rest = rest or file.read(_PIECE)
        if not rest.strip(b"\0"):
            return
    raise RefusalError(f"the file has more than {PACKED_STREAMS} compressed streams: pack it again")


def _stream(data: bytes, file: BinaryIO, unpacker: _Unpacker) -> Generator[bytes, None, bytes]:
    """Yield the pieces of one stream that begins with `data`; return what was read after it."""
    while True:
        out = unpacker.decompress(data, _PIECE)
        if out:
            yield out
        if unpacker.eof:
            return unpacker.unused_data
        data = file.read(_PIECE) if unpacker.needs_input else b""
        if unpacker.needs_input and not data:
            raise EOFError
