"""Captures -> pcapng files, which tshark and Wireshark read.

Format: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from labctl.model.packet import RawPacket

_SECTION_HEADER, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_BYTE_ORDER_MAGIC = 0x1A2B3C4D
_UNKNOWN_LENGTH = 0xFFFF_FFFF_FFFF_FFFF
_LINK_TYPES = {"ethernet": 1, "ip": 101}
_END, _COMMENT = 0, 1
_USER_APPLICATION = 4
_INTERFACE_NAME, _TIME_RESOLUTION = 2, 9
_PACKET_FLAGS = 2
_NANOSECONDS = b"\x09"
_DIRECTIONS = {"in": 1, "out": 2}
_SNAPLEN = 0
"""The longest packet that an interface captures; 0 means no limit."""


def pcapng(raws: Iterable[RawPacket], *, comment: str) -> bytes:
    """Return the bytes of a pcapng file with the packets of one capture, each once.

    The comment is on the file's section and on the first packet.
    """
    packets = [raw for raw in raws if not raw.duplicate]
    interfaces = list(dict.fromkeys((raw.interface, raw.link) for raw in packets))
    numbers = {interface: number for number, interface in enumerate(interfaces)}
    comments = [comment, *[""] * (len(packets) - 1)]
    return b"".join(
        [
            _section_header(comment),
            *(_interface(name, _LINK_TYPES[link]) for name, link in interfaces),
            *(
                _packet(raw, numbers[raw.interface, raw.link], text)
                for raw, text in zip(packets, comments, strict=False)
            ),
        ]
    )


def _section_header(comment: str) -> bytes:
    """Return the section header block."""
    body = struct.pack("<IHHQ", _BYTE_ORDER_MAGIC, 1, 0, _UNKNOWN_LENGTH)
    options = _options(
        (_COMMENT, comment.encode()),
        (_USER_APPLICATION, b"labctl"),
    )
    return _block(_SECTION_HEADER, body + options)


def _interface(name: str, link_type: int) -> bytes:
    """Return an interface description block."""
    body = struct.pack("<HHI", link_type, 0, _SNAPLEN)
    options = _options((_INTERFACE_NAME, name.encode()), (_TIME_RESOLUTION, _NANOSECONDS))
    return _block(_INTERFACE, body + options)


def _packet(raw: RawPacket, interface: int, comment: str) -> bytes:
    """Return an enhanced packet block."""
    high, low = divmod(raw.at_ns, 1 << 32)
    body = struct.pack("<IIIII", interface, high, low, len(raw.data), raw.length)
    options = _options(
        (_COMMENT, comment.encode()),
        (_PACKET_FLAGS, struct.pack("<I", _DIRECTIONS[raw.direction])),
    )
    return _block(_PACKET, body + _padded(raw.data) + options)


def _options(*options: tuple[int, bytes]) -> bytes:
    """Return the options (code, value) that have a value, encoded, and the mark of their end."""
    coded = [
        struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options if value
    ]
    return b"".join(coded) + struct.pack("<HH", _END, 0)


def _block(kind: int, body: bytes) -> bytes:
    """Return a block with its lengths."""
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def _padded(data: bytes) -> bytes:
    """Return the bytes with zeros added: blocks and options are multiples of four bytes."""
    return data + bytes(-len(data) % 4)
