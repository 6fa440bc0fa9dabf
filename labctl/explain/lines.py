"""The lines of a traceback, told from the log that stands around them."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from labctl.explain.families import is_known

LINE_LIMIT = 2000
"""Characters of a line that are looked at."""

_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_HEADER = "Traceback (most recent call last)"
_FRAME = re.compile(r'File "([^"]+)", line \d+(?:, in (.+?))?\s*$')
_LINKS = {
    "The above exception was the direct cause of the following exception": "cause",
    "During handling of the above exception, another exception occurred": "context",
}
_MEMBER = re.compile(r"\+-{4,} (?:\d+|\.\.\.) -{4,}$")
"""Stands before each member of a group, two columns to the left."""
_MARGIN = re.compile(r"[ |+]*$")
_EXCEPTION = re.compile(r"([A-Za-z_][\w.]*)(?:: (.*)|\((.*)\)|:?)\s*$")
_LIKE_ONE = re.compile(
    r"(?:[A-Za-z_]\w*\.)*_?[A-Z]\w*(?:Error|Exception|Timeout|Warning|Exit|Interrupt|Group|Refused"
    r"|Disconnected|Fault|Failure|Closed)"
)


class LineKind(Enum):
    """What a line says."""

    HEADER = auto()
    FRAME = auto()
    LINK = auto()
    EXCEPTION = auto()


@dataclass(frozen=True, kw_only=True)
class Line:
    """`level` is 0 outside of exception groups, 1 in one, 2 in a group in a group.

    `name` and `text` are a frame's path and function, an exception's type and message, or, as
    `name`, the kind of a link.
    """

    kind: LineKind
    level: int = 0
    name: str = ""
    text: str = ""


def lines_of(text: str) -> list[Line]:
    """Return the lines of a text that belong to a traceback. A line with an exception belongs to
    one only after frames, unless the text has no frames at all.
    """
    plain = _COLOURS.sub("", text)
    if '"' in plain and '\\n  File \\"' in plain:  # a log in JSON
        plain = plain.replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\")
    lines = [line[:LINE_LIMIT].rstrip() for line in plain.splitlines()]
    if any(_FRAME.search(line) for line in lines):
        return list(_around_frames(lines))
    return [found for line in lines if (found := _bare(line))]


def _around_frames(lines: list[str]) -> Iterator[Line]:
    """Yield the lines of tracebacks: frames, headers, links and exceptions, by the columns that
    they begin in.
    """
    base: int | None = 0
    for line in lines:
        frame = _FRAME.search(line)
        if frame:
            base = max(frame.start() - 2, 0)
            yield Line(
                kind=LineKind.FRAME, level=_level(line[:base]), name=frame[1], text=frame[2] or ""
            )
        elif _HEADER in line:
            base = line.index(_HEADER)
            margin = line[:base].removesuffix("Exception Group ")
            base = len(margin)
            yield Line(kind=LineKind.HEADER, level=_level(margin))
        elif link := next((kind for words, kind in _LINKS.items() if words in line), ""):
            yield Line(kind=LineKind.LINK, name=link)
        elif member := _MEMBER.search(line):
            base = member.start() + 2
        elif base is not None and (found := _exception(line, base)):
            base = None
            yield found


def _level(margin: str) -> int:
    """Return how deep in exception groups a line is, by its margin. Groups mark their lines with a
    | in columns 2, 4, 6; a log may stand before that.
    """
    marks = _MARGIN.search(margin)
    width = len(marks[0].rstrip()) if marks and "|" in marks[0] else 0
    return max(width // 2 - 1, 0)


def _exception(line: str, base: int) -> Line | None:
    """Parse the last line of a traceback, which begins at the column `base`. Return None if it
    names no exception.
    """
    found = _EXCEPTION.match(line[base:])
    if not found or not _is_exception(found[1]):
        return None
    message = found[2] or (f"({found[3]})" if found[3] else "")
    return Line(
        kind=LineKind.EXCEPTION, level=_level(line[:base]), name=found[1], text=message.strip()
    )


def _bare(line: str) -> Line | None:
    """Find the first exception that a line of a log names, with the text after it. Return None if
    there is none.
    """
    for found in re.finditer(r"(?<![\w.'\"])[A-Za-z_][\w.]*", line):
        whole = _EXCEPTION.match(line[found.start() :])
        if whole and _is_exception(whole[1]):
            return _exception(line, found.start())
    return None


def _is_exception(name: str) -> bool:
    """Tell whether a name is, or looks like, that of an exception."""
    return is_known(name) or bool(_LIKE_ONE.fullmatch(name)) or _is_builtin(name)


def _is_builtin(name: str) -> bool:
    """Tell whether a name is that of a built-in exception."""
    found = getattr(builtins, name, None)
    return isinstance(found, type) and issubclass(found, BaseException)
