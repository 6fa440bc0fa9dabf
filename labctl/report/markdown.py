"""Markdown in which a text of others is only text: never markup of Markdown, HTML or GitHub."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from labctl.text import escape_control

TEXT_LIMIT = 1000
"""Characters of one text beyond which feedback for students is cut."""

_NOT_PLAIN = re.compile(r"[^\w ,.:;/()=+?%'-]|_|:(?=//)|(?<=www)\.", re.ASCII | re.IGNORECASE)
"""All but what is never markup within a line; of addresses what would make links of them."""
_MARKUP = re.compile(
    r"([\\`*_\[\]<#|~&@$]|^[-+=>]|(?<=^\d)[.)]|(?<=\d)[.)](?= )|:(?=\S)|(?<=www)\.)", re.IGNORECASE
)
"""What is markup anywhere, or where a line begins; and what GitHub makes links of."""
_BACKTICKS = re.compile("`+")


def escape_as_references(text: str) -> str:
    """Return the text as one line of Markdown or HTML, with numeric references for markup.

    For paragraphs, cells of tables and elements of HTML, where a numeric reference is never markup.
    """
    return _NOT_PLAIN.sub(lambda match: f"&#{ord(match.group())};", escape_control(text))


def escape_with_backslashes(text: str) -> str:
    """Return the text as one line of Markdown, with backslashes before markup.

    People can read it unrendered, too; but it must not stand within elements of HTML.
    """
    return _MARKUP.sub(r"\\\1", escape_control(text, limit=TEXT_LIMIT))


def code_element(text: str) -> str:
    """Return the text in `<code>`. Outside of it, GitHub turns `:x:` into a picture."""
    return f"<code>{escape_as_references(text)}</code>"


def code_span(text: str) -> str:
    """Return the text between backticks; `(nothing)` if it has nothing but spaces."""
    line = escape_control(text, limit=TEXT_LIMIT)
    fence = "`" * (_longest_fence(line) + 1)
    if not line.strip():
        return "(nothing)"
    # Of spaces at both ends, Markdown takes one off at each.
    pad = " " if line[0] in "` " or line[-1] in "` " else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def code_block(text: str) -> str:
    """Return printable lines as a fenced block; no line of theirs can end it."""
    fence = "`" * max(3, _longest_fence(text) + 1)
    return f"{fence}text\n{text}\n{fence}"


def _longest_fence(text: str) -> int:
    """Return the length of the longest row of backticks."""
    return max(map(len, _BACKTICKS.findall(text)), default=0)


def table_row(cells: Iterable[str]) -> str:
    """Return a line of a table. The cells must be Markdown already."""
    return f"| {' | '.join(cells)} |\n"


def table_head(titles: Sequence[str]) -> str:
    """Return the first two lines of a table."""
    return table_row(titles) + table_row("---" for _ in titles)
