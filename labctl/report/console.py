"""Where consoles are made: colour, width and encoding are decided here, once."""

from __future__ import annotations

import codecs
import io
import os
import sys

from rich.console import Console

WIDTH = 80
"""Columns that every rendering fits in, and has where the output is not a terminal."""

_PLAIN = str.maketrans("✔✘│├╰─▶→…·", "+x||`->>~.")
"""What our own drawing has on a terminal that can't show it: one column for one."""


def make_console(*, stderr: bool = False) -> Console:
    """A console on stdout or stderr that prints texts as they are: no markup, no highlighting.

    Honours NO_COLOR and COLUMNS. Characters that the stream's encoding lacks are replaced, never
    an error; this sets the stream's error handler.
    """
    stream = sys.stderr if stderr else sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        codecs.register_error("labctl", _replace)
        stream.reconfigure(errors="labctl")
    return Console(
        file=stream,
        width=_width(stream.isatty()),
        no_color="NO_COLOR" in os.environ or None,
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
    )


def _width(terminal: bool) -> int | None:
    """None lets rich ask the terminal."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns) > 0:
        return int(columns)
    return None if terminal else WIDTH


def _replace(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    plain = lost.translate(_PLAIN)
    return plain.encode("ascii", "backslashreplace").decode("ascii"), error.end
