"""The words and numbers that all documents about grades share.

Every text returned here is printable: what comes from students or exercises is escaped.
"""

from __future__ import annotations

from labctl.model.grade import Mark, Part
from labctl.text import escape_control, escape_lines, left_out_after


def format_number(value: float) -> str:
    """Return a number with at most two decimals, and no zeros at its end: `3`, `2.5`, `0.33`."""
    return f"{value + 0.0:.2f}".rstrip("0").rstrip(".")


def format_points(scored: float, maximum: float) -> str:
    """Return `2 of 3 points`; or `2 points` if the maximum is 0, as that of a bonus is."""
    if maximum:
        noun = "point" if maximum == 1 else "points"
        return f"{format_number(scored)} of {format_number(maximum)} {noun}"
    return f"{format_number(scored)} {'point' if scored == 1 else 'points'}"


def escape_block(text: str, limit: int) -> str:
    """Return the lines of a text, escaped. After `limit` characters, a line counts the rest, if
    that is known.
    """
    # Cut first: a megabyte of newlines is a million lines.
    shown = "\n".join(escape_lines(text[:limit].rstrip()))
    if len(text) <= limit:
        return shown
    left = left_out_after(text, limit)
    return f"{shown}\n… and more" if left is None else f"{shown}\n… and {left} more characters"


def mark_facts(mark: Mark, limit: int = 1000) -> list[tuple[str, str]]:
    """Return what is known about a mark as pairs of heading and text of one line.

    A hint is only there if points are missing. Each text has at most `limit` characters.
    """
    facts = [
        ("expected", "" if mark.expected == mark.title else mark.expected),
        ("observed", mark.actual),
        ("why", mark.message),
        ("hint", "" if mark.full else mark.hint),
    ]
    return [(heading, escape_control(text, limit=limit)) for heading, text in facts if text]


def run_sections(part: Part, limit: int = 8000) -> list[tuple[str, str]]:
    """Return the packets and the output of a run as pairs of heading and lines, the empty ones
    left out. Each text has at most `limit` characters.
    """
    sections = [
        ("on the wire", "\n".join(part.ladder)),
        ("standard output", part.stdout),
        ("standard error", part.stderr),
    ]
    return [(heading, escape_block(text, limit)) for heading, text in sections if text.strip()]


def mark_text(mark: Mark, limit: int = 1000) -> str:
    """Return `mark_facts` as plain text, a fact on each line."""
    return "\n".join(f"{heading}: {text}" for heading, text in mark_facts(mark, limit))


def run_text(part: Part, limit: int = 8000) -> str:
    """Return the packets and the output of a run as plain text, each section of at most `limit`
    characters.
    """
    return "\n\n".join(f"{heading}:\n{text}" for heading, text in run_sections(part, limit))


def first_missed_mark(part: Part) -> Mark | None:
    """Return the first mark without full points: packets and output are shown beside it."""
    return next((mark for mark in part.marks if not mark.full), None)
