"""Text that people read: escapes, lengths, sizes and counts. Any part of labctl may import it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

LINE_LIMIT = 4000
"""Characters of one line beyond which `escape_control` cuts by default."""

REST_DROPPED = "[... the rest was dropped ...]"
"""A line after the part of an output that was kept."""

_TAB_COLUMNS = 4
_LONGEST_S = 1e9
_PLACES = 18
_DROPPED = re.compile(r"\[\.\.\. (?:\d{1,19} bytes|the rest was) dropped \.\.\.\]")
_LONGEST_DROPPED = 48
"""The most characters that `_DROPPED` matches."""


def escape_control(
    text: str, *, keep_newlines: bool = False, limit: int | None = LINE_LIMIT
) -> str:
    r"""Return the text with an escape (`\x1b`, `\u202e`, `\n`) for every unprintable character.

    Use it for whatever labctl did not write itself, such as output of clients, logs and names of
    files: a terminal would obey control characters in them. Unprintable is what `str.isprintable`
    says, so bidirectional controls, zero-width characters and lone surrogates are escaped too.
    Backslashes stay as they are.

    A line longer than `limit` characters is cut there, and ends in `…`; None cuts nothing. With
    `keep_newlines`, the text may have several lines, and `limit` counts for each of them.
    """
    if keep_newlines:
        return "\n".join(escape_control(line, limit=limit) for line in text.split("\n"))
    shown = text if limit is None or len(text) <= limit else f"{text[:limit]}…"
    if shown.isprintable():
        return shown
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in shown
    )


def escape_lines(text: str) -> list[str]:
    r"""Return the lines of a text, each escaped by `escape_control`.

    Only `\n` ends a line; a `\r` before it is dropped. Tabs become spaces.
    """
    lines = (line.removesuffix("\r").expandtabs(_TAB_COLUMNS) for line in text.split("\n"))
    return [escape_control(line) for line in lines]


def is_shortened(output: str) -> bool:
    """Tell whether a part of an output was dropped, as a line in it says: the probe's, or
    REST_DROPPED. Nobody can say how many lines or characters such an output had.
    """
    return _DROPPED.search(output) is not None


def left_out_before(output: str, start: int) -> int | None:
    """Return how many characters an output had before `start`. None if a part of them was dropped,
    so that nobody can say.
    """
    return None if is_shortened(output[: start + _LONGEST_DROPPED]) else start


def left_out_after(output: str, end: int) -> int | None:
    """Return how many characters an output had from `end` on. None if a part of them was dropped,
    so that nobody can say.
    """
    is_dropped = is_shortened(output[max(end - _LONGEST_DROPPED, 0) :])
    return None if is_dropped else len(output) - end


def pluralize(number: int, noun: str) -> str:
    """Return the number and its noun: `1 attempt`, `2 attempts`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def comma_list(words: Iterable[str], *, limit: int = 8) -> str:
    """Return `a, b, c`; if there are more than `limit` words, `a, b and 2 more`."""
    names = list(words)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def clip(text: str, limit: int) -> str:
    """Return the text in at most `limit` characters; one that is longer ends with `…`."""
    return text if len(text) <= limit else f"{text[: max(limit - 1, 0)]}…"


def escape_to_single_width(text: str) -> str:
    """Return the text as one line in which each character takes exactly one terminal column.

    Control characters, line breaks, combining and double-width characters are escaped (`\\x1b`,
    `\\u4f60`), so that the text can't steer a terminal and columns stay aligned.
    """
    return "".join(
        char if _is_single_width(char) else char.encode("unicode_escape").decode() for char in text
    )


def _is_single_width(char: str) -> bool:
    """Tell whether a character is printable and takes one column."""
    if char.isascii():
        return char.isprintable()
    wide = unicodedata.east_asian_width(char) in "WF" or unicodedata.combining(char)
    return char.isprintable() and not wide


def format_size(count: int) -> str:
    """Return a number of bytes as `57 B`, `3.4 kB` or `1.2 MB`."""
    if count < 1000:  # noqa: PLR2004
        return f"{count} B"
    value, unit = (count / 1000, "kB") if count < 1_000_000 else (count / 1_000_000, "MB")  # noqa: PLR2004
    return f"{value:.1f} {unit}"


def format_times(number: int) -> str:
    """Return how often something happened: `once`, `2 times`."""
    return "once" if number == 1 else f"{number} times"


def format_limit(seconds: float) -> str:
    """Return a limit of time, exactly: `10 s`, `0.25 s`."""
    return f"{_exact(seconds)} s"


def format_took(seconds: float, *limits: float | None) -> str:
    """Return how long something took: `0.987 s`, `3.14 s`, `15.01 s`.

    That is three digits, and as many more as it takes to see whether it is more or less than each
    of `limits`, of which None is no limit.
    """
    sides = [(limit, _side(seconds, limit)) for limit in limits if limit is not None]
    for text in _fixed(seconds):
        if all(_side(float(text), limit) == side for limit, side in sides):
            return f"{text.rstrip('0').rstrip('.') if '.' in text else text} s"
    return f"{_exact(seconds)} s"


def _fixed(seconds: float) -> Iterator[str]:
    """Yield a time with three digits, but at most three after its point, then with more and more
    of them.
    """
    if 0 <= seconds < _LONGEST_S:
        whole = len(str(int(seconds))) if seconds >= 1 else 0
        for places in range(max(0, 3 - whole), _PLACES):
            yield f"{seconds:.{places}f}"


def _side(seconds: float, limit: float) -> int:
    """Return 1 if it is more than the limit, -1 if it is less, else 0."""
    return (seconds > limit) - (seconds < limit)


def _exact(value: float) -> str:
    """Return the shortest text that is read as exactly this number."""
    return repr(float(value)).removesuffix(".0")
