"""Where consoles are made: colour, width and encoding are decided here, once."""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, ConsoleRenderable, Group, RenderHook
from rich.segment import Segment

WIDTH = 80
"""Columns that every rendering fits in, and has where the output is not a terminal."""

_PLAIN = str.maketrans("✔✘│├╰─▶→…·", "+x||`->>~.")
"""What our own drawing has on a terminal that can't show it: one column for one."""


def make_console(*, stderr: bool = False) -> Console:
    """Return a console on stdout or stderr that prints texts as they are, without markup or
    highlighting. On stdout, lines end where their text ends: tables lose the spaces that fill
    cells.

    Honours NO_COLOR and COLUMNS. Characters that the stream's encoding lacks are replaced, never
    an error; this sets the stream's error handler.
    """
    stream = sys.stderr if stderr else sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        codecs.register_error("labctl", _replace)
        stream.reconfigure(errors="labctl")
    console = Console(
        file=stream,
        width=_width(stream.isatty()),
        no_color="NO_COLOR" in os.environ or None,
        markup=False,
        emoji=False,
        highlight=False,
    )
    if not stderr:
        console.push_render_hook(_Trimming())
    return console


class _Trimming(RenderHook):
    """Has a console print without spaces at the ends of lines."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Return the renderables in one that cuts lines."""
        return [_Trimmed(Group(*renderables))]


class _Trimmed:
    def __init__(self, inner: Group) -> None:
        """Take the renderables whose lines are to be cut."""
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """Yield the segments of the lines, without spaces at their ends."""
        for line in console.render_lines(self._inner, options, pad=False):
            while line and not line[-1].text.rstrip(" "):
                line.pop()
            yield from line[:-1]
            yield from (Segment(last.text.rstrip(" "), last.style) for last in line[-1:])
            yield Segment.line()


def _width(terminal: bool) -> int | None:
    """Return the columns of the output. Return None if rich should ask the terminal."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns) > 0:
        return int(columns)
    return None if terminal else WIDTH


def _replace(error: UnicodeError) -> tuple[str | bytes, int]:
    """Return plain characters for those that the output can't show."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    plain = lost.translate(_PLAIN)
    return plain.encode("ascii", "backslashreplace").decode("ascii"), error.end
