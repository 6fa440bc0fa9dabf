"""Markdown in which nothing of a text is markup, be it Markdown's, HTML's or GitHub's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from labctl.text import escape_control

_MARKUP = re.compile(r"[^\w ,.:;/()=+?%'-]|_|:(?=//)|(?<=www)\.", re.ASCII | re.IGNORECASE)
"""All but what is never markup within a line; of addresses what would make links of them."""
_BACKTICKS = re.compile("`+")


def inline(text: str) -> str:
    """The text on one line, for a paragraph, a cell or an element of HTML: a character that could
    be markup as a numeric reference, which never is.
    """
    return _MARKUP.sub(lambda match: f"&#{ord(match.group())};", escape_control(text))


def code(text: str) -> str:
    """The text as code: outside of it, GitHub makes pictures of `:x:` and links of names."""
    return f"<code>{inline(text)}</code>"


def row(cells: Iterable[str]) -> str:
    """A line of a table, of cells that are Markdown."""
    return f"| {' | '.join(cells)} |\n"


def heading(titles: Sequence[str]) -> str:
    """The first two lines of a table."""
    return row(titles) + row("---" for _ in titles)


def fenced(lines: Iterable[str]) -> str:
    """A block of lines that are safe, with a fence that none of them can end."""
    text = "\n".join(lines)
    longest = max((len(run) for run in _BACKTICKS.findall(text)), default=0)
    fence = "`" * max(longest + 1, 3)
    return f"{fence}text\n{text}\n{fence}\n"
