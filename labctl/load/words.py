"""How messages name places, quote what was written and guess what was meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from labctl.load.yaml_reader import Place


def dotted(place: Place) -> str:
    """A place as people read it: `attempts.smtplib.expect[1].raises`."""
    parts = (f"[{e}]" if isinstance(e, int) else f".{short(e)}" for e in place)
    return "".join(parts).removeprefix(".")


def at(place: Place, message: str) -> str:
    """The message, with the place before it; nothing before it at the top of a document."""
    return f"{dotted(place)}: {message}" if place else message


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant."""
    cutoff = 0.66 if len(name) <= 4 else 0.7  # noqa: PLR2004 a swap in `tcp` leaves 2 of 3
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean "NAME"?` where a known name is close, else nothing."""
    close = closest(name, known)
    return f'; did you mean "{close}"?' if close else ""


def short(text: str, most: int = 60) -> str:
    """The text in one line of bounded length."""
    line = text.replace("\n", "\\n")
    return line if len(line) <= most else f"{line[:most]}..."
