"""The words and numbers that all documents about grades share."""

from __future__ import annotations

from labctl.model.grade import Mark, Part
from labctl.text import escape_control, escape_lines


def number(value: float) -> str:
    """At most two decimals, and none that say nothing: `3`, `2.5`, `0.33`."""
    return f"{value + 0.0:.2f}".rstrip("0").rstrip(".")


def points(scored: float, most: float) -> str:
    """`2 of 3 points`; of what is worth none by itself, as a bonus is, `2 points`."""
    if most:
        return f"{number(scored)} of {number(most)} point{'' if most == 1 else 's'}"
    return f"{number(scored)} point{'' if scored == 1 else 's'}"


def block(text: str, most: int) -> str:
    """Lines, each safe; at most `most` characters of the text, and how many are left out."""
    # Cut first: a megabyte of newlines is a million lines.
    shown = "\n".join(escape_lines(text[:most].rstrip()))
    return f"{shown}\n… and {len(text) - most} more characters" if len(text) > most else shown


def told(mark: Mark, most: int = 1000) -> list[tuple[str, str]]:
    """What to say of a mark, each with its heading; hints only where points are missing."""
    said = [
        ("expected", "" if mark.expected == mark.title else mark.expected),
        ("observed", mark.actual),
        ("why", mark.message),
        ("hint", "" if mark.full else mark.hint),
    ]
    return [(heading, escape_control(text, limit=most)) for heading, text in said if text]


def run_blocks(part: Part, most: int = 8000) -> list[tuple[str, str]]:
    """The packets and the output of a run, each with its heading, where there are any."""
    said = [
        ("on the wire", "\n".join(part.ladder)),
        ("standard output", part.stdout),
        ("standard error", part.stderr),
    ]
    return [(heading, block(text, most)) for heading, text in said if text.strip()]


def plain(mark: Mark, most: int = 1000) -> str:
    """What there is to say of a mark, as plain text."""
    return "\n".join(f"{heading}: {text}" for heading, text in told(mark, most))


def plain_run(part: Part, most: int = 8000) -> str:
    """The packets and the output of a run, as plain text."""
    return "\n\n".join(f"{heading}:\n{text}" for heading, text in run_blocks(part, most))


def first_missed(part: Part) -> Mark | None:
    """The mark beside which packets and output are of use."""
    return next((mark for mark in part.marks if not mark.full), None)
