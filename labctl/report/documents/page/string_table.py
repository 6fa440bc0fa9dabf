"""Texts and lists that many attempts share, each of them once in a page."""

from __future__ import annotations

import json
import math

from labctl.report.html import Json
from labctl.text import escape_control, escape_lines, left_out_before

_LATEST_S = 1e9


class StringTable:
    """What a page says. Every text gets in here, and nowhere else: so all of it is safe.

    `longest` is how many characters are kept of a text on one line.
    """

    def __init__(self, longest: int) -> None:
        """Take the most characters of a text; longer ones are cut."""
        self.texts: list[str] = []
        self.blocks: list[Json] = []
        self._longest = longest
        self._numbers: dict[object, int] = {}

    def text(self, text: str) -> int:
        """Add a text with its line breaks escaped, if it is new, and return its number."""
        key = (text[: self._longest + 1], "line")
        if key not in self._numbers:
            cut = text if len(text) <= self._longest else f"{text[: self._longest]}…"
            self._numbers[key] = self._text(escape_control(cut))
        return self._numbers[key]

    def head(self, text: str, most: int) -> int:
        """Return the index of a text of several lines, cut after its first `most` characters."""
        shown = "\n".join(escape_lines(text[:most].rstrip()))
        return self._text(f"{shown} …" if len(text) > most else shown)

    def tail(self, text: str, most: int) -> int:
        """Return the index of a text of several lines, cut before its last `most` characters. A
        line at the top counts what is left out, if that is known.
        """
        end = text.rstrip()
        kept = end[-most:] if most else ""
        shown = "\n".join(escape_lines(kept))
        if len(kept) == len(end):
            return self._text(shown)
        left = left_out_before(end, len(end) - len(kept))
        more = "there was more" if left is None else f"{left:,} characters"
        return self._text(f"… {more} before\n{shown}")

    def block(self, value: Json) -> int:
        """Return the index of a list, or of another value that holds indices of texts."""
        key = json.dumps(value)
        if key not in self._numbers:
            self._numbers[key] = len(self.blocks)
            self.blocks.append(value)
        return self._numbers[key]

    def _text(self, text: str) -> int:
        """Add a text, if it is new, and return its number."""
        key = (text, "text")
        if key not in self._numbers:
            self._numbers[key] = len(self.texts)
            self.texts.append(text)
        return self._numbers[key]


def milliseconds(seconds: float | None) -> float | None:
    """Return a time in milliseconds, to the tenth; None if it is no time that anything can take."""
    if seconds is None or not math.isfinite(seconds) or abs(seconds) > _LATEST_S:
        return None
    exact = round(seconds * 1000, 1)
    return int(exact) if exact == int(exact) else exact
