"""Text made safe to print, and counted things: what a report needs that draws nothing."""

from __future__ import annotations

_LONGEST = 4000


def safe(text: str) -> str:
    """The text with every character that is not printable as an escape: `\\x1b`, `\\u202e`, `\\n`.

    Bidi controls, zero-width characters and lone surrogates count as not printable.
    """
    cut = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    if cut.isprintable():
        return cut
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in cut
    )


def counted(number: int, noun: str) -> str:
    """`1 attempt`, `2 attempts`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
