"""Input files read whole, within bounds, as text."""

from __future__ import annotations

import re
from pathlib import Path

from labctl.errors import InputError, Where

MIB = 1024 * 1024

_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]"
)
"""What no text may hold: control characters, and breaks that editors and YAML count otherwise."""


def forbidden_character(text: str) -> re.Match[str] | None:
    """Return the first character that an input text may not hold (NUL, ESC, U+2028, a surrogate,
    ...), or nothing.
    """
    return _FORBIDDEN.search(text)


def read_bytes(path: Path, limit: int) -> bytes:
    """Read a whole file. Raise InputError if it can't be read, or has more than `limit` bytes.

    Never reads more than the limit, so that a device without an end is an error too.
    """
    where = Where(path=path)
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError:
        raise InputError("there is no such file", where=where) from None
    except IsADirectoryError:
        raise InputError("this is a directory, not a file", where=where) from None
    except PermissionError:
        raise InputError("you have no permission to read this file", where=where) from None
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", where=where) from None
    if len(data) > limit:
        raise InputError(f"is larger than the {_size(limit)} that are allowed", where=where)
    return data


def _size(count: int) -> str:
    """Return a number of bytes in words."""
    return f"{count // MIB} MiB" if count >= MIB else f"{count // 1024} KiB"


def read_text(path: Path, limit: int) -> str:
    """Read a UTF-8 file of at most `limit` bytes, and return its text without a byte order mark.
    Raise InputError if it can't be read, is too large or is not UTF-8.
    """
    data = read_bytes(path, limit)
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}",
            where=Where(path=path, line=line),
            hint="save the file as UTF-8",
        ) from None
