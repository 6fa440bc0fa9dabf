"""Reading of bytes that may end anywhere: fixed headers, addresses, and the first line as text."""

from __future__ import annotations

import ipaddress
import struct
from functools import lru_cache

from labctl.text import clip

_TAB = 9


class Malformed(Exception):
    """Bytes are not what their protocol says they are. Never leaves `labctl.wire`."""


def unpack(header: struct.Struct, data: bytes, what: str, offset: int = 0) -> tuple[int, ...]:
    """Return the integers of a header that starts at `offset`.

    Raise Malformed, with `what` in its message, if the bytes end before the header does.
    """
    if len(data) < offset + header.size:
        raise Malformed(f"{what} cut short")
    return header.unpack_from(data, offset)


@lru_cache(maxsize=1024)
def format_address(packed: bytes) -> str:
    """Return an IPv4 or IPv6 address of 4 or 16 bytes as text.

    Raise Malformed for any other number of bytes.
    """
    try:
        return str(ipaddress.ip_address(packed))
    except ValueError:
        raise Malformed("address cut short") from None


def is_text(data: bytes) -> bool:
    """Return whether the first line of the bytes is ASCII text and not empty."""
    line = _first_line(data)
    return bool(line.strip()) and all(_is_printable(b) or b == _TAB for b in line[:200])


def first_line_text(data: bytes, limit: int) -> str:
    """Return the first line of the bytes as text of at most `limit` characters.

    Bytes that are not printable ASCII are escaped (`\\x1b`).
    """
    line = _first_line(data)[: limit + 1]
    return clip("".join(chr(b) if _is_printable(b) else f"\\x{b:02x}" for b in line), limit)


def _first_line(data: bytes) -> bytes:
    """Return the first line of bytes, without its end."""
    return data.split(b"\n", 1)[0].removesuffix(b"\r")


def _is_printable(byte: int) -> bool:
    """Tell whether a byte is a printable ASCII character."""
    return 32 <= byte < 127  # noqa: PLR2004 ASCII from the space to the tilde
