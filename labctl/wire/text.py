"""Text for pictures out of bytes and names that anyone may have sent."""

from __future__ import annotations

import unicodedata


def printable(data: bytes, limit: int) -> str:
    """The first line of some bytes, with escapes for what isn't printable ASCII."""
    line = data.split(b"\n", 1)[0].removesuffix(b"\r")[: limit + 1]
    text = "".join(chr(b) if 32 <= b < 127 else f"\\x{b:02x}" for b in line)  # noqa: PLR2004
    return clip(text, limit)


def is_text(data: bytes) -> bool:
    """Whether the first line reads as ASCII text."""
    line = data.split(b"\n", 1)[0].removesuffix(b"\r")
    return bool(line.strip()) and all(32 <= b < 127 or b == 9 for b in line[:200])  # noqa: PLR2004


def clip(text: str, limit: int) -> str:
    """The text in at most `limit` characters."""
    return text if len(text) <= limit else f"{text[: max(limit - 1, 0)]}…"


def one_column_each(text: str) -> str:
    """The text on one line, with an escape for every character that doesn't take exactly one
    column of a terminal.
    """
    return "".join(c if _is_simple(c) else c.encode("unicode_escape").decode() for c in text)


def _is_simple(char: str) -> bool:
    if char.isascii():
        return char.isprintable()
    wide = unicodedata.east_asian_width(char) in "WF" or unicodedata.combining(char)
    return char.isprintable() and not wide


def size(count: int) -> str:
    """`57 B`, `3.4 kB`, `1.2 MB`."""
    if count < 1000:  # noqa: PLR2004
        return f"{count} B"
    value, unit = (count / 1000, "kB") if count < 1_000_000 else (count / 1_000_000, "MB")  # noqa: PLR2004
    return f"{value:.1f} {unit}"


def times(number: int) -> str:
    """`once`, `2 times`."""
    return "once" if number == 1 else f"{number} times"
