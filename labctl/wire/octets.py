"""Reading fixed headers out of bytes that may end anywhere."""

from __future__ import annotations

import ipaddress
import struct
from functools import lru_cache


class Malformed(Exception):
    """Why some bytes are not what they should be; never leaves this package."""


def unpack(header: struct.Struct, data: bytes, what: str, offset: int = 0) -> tuple[int, ...]:
    """The integers of a header. Malformed where the bytes end before it does."""
    if len(data) < offset + header.size:
        raise Malformed(f"{what} cut short")
    return header.unpack_from(data, offset)


@lru_cache(maxsize=1024)
def address(packed: bytes) -> str:
    """The text of 4 or 16 bytes. Malformed for any other number of them."""
    try:
        return str(ipaddress.ip_address(packed))
    except ValueError:
        raise Malformed("address cut short") from None
