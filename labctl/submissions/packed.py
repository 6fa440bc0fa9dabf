"""Compressed streams, unpacked piece by piece: none is ever held as a whole."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol

from labctl.submissions.limits import KIB, PACKED_STREAMS, XZ_MEMORY
from labctl.submissions.refused import Refused

_PIECE: Final = 64 * KIB


class _Unpacker(Protocol):
    """What bz2 and lzma have; `_Gzip` makes zlib look like it."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gzip:
    """zlib that keeps what it didn't unpack yet to itself, as bz2 and lzma do."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(16 + zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


def _bzip2() -> _Unpacker:
    from bz2 import BZ2Decompressor  # noqa: PLC0415 some Pythons lack it

    return BZ2Decompressor()


def _xz() -> _Unpacker:
    from lzma import FORMAT_XZ, LZMADecompressor  # noqa: PLC0415 some Pythons lack it

    return LZMADecompressor(format=FORMAT_XZ, memlimit=XZ_MEMORY)


@dataclass(frozen=True, kw_only=True)
class Packing:
    """A way to compress, told by `magic`, the first bytes."""

    name: str
    magic: bytes
    unpacker: Callable[[], _Unpacker]

    def start(self) -> _Unpacker:
        try:
            return self.unpacker()
        except ImportError:
            raise Refused(f"this Python can't read {self.name}: hand in a zip") from None


PACKINGS: Final = (
    Packing(name="gzip", magic=b"\x1f\x8b", unpacker=_Gzip),
    Packing(name="bzip2", magic=b"BZh", unpacker=_bzip2),
    Packing(name="xz", magic=b"\xfd7zXZ\x00", unpacker=_xz),
)


def pieces(file: BinaryIO, packing: Packing | None) -> Iterator[bytes]:
    """What a file unpacks to, in pieces of 64 KiB at the most.

    EOFError where it is cut off; also what its module raises where it is damaged. Nothing but
    further streams and zeros may follow the first.
    """
    if packing is None:
        yield from iter(lambda: file.read(_PIECE), b"")
        return
    rest = file.read(_PIECE)
    for _ in range(PACKED_STREAMS):
        rest = yield from _stream(rest, file, packing.start())
        rest = rest or file.read(_PIECE)
        if not rest.strip(b"\0"):
            return
    raise Refused(f"is packed as more than {PACKED_STREAMS} streams: pack it anew")


def _stream(data: bytes, file: BinaryIO, unpacker: _Unpacker) -> Generator[bytes, None, bytes]:
    """One stream, which begins with `data`; what was read beyond it is returned."""
    while True:
        out = unpacker.decompress(data, _PIECE)
        if out:
            yield out
        if unpacker.eof:
            return unpacker.unused_data
        data = file.read(_PIECE) if unpacker.needs_input else b""
        if unpacker.needs_input and not data:
            raise EOFError
