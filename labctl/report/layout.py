"""Text laid out for a terminal, in which some characters take two columns."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len, set_cell_size
from rich.padding import Padding
from rich.text import Text

from labctl.text import escape_lines


def clip_columns(text: str, width: int) -> str:
    """Return the text in at most `width` columns; one that is wider ends with `…`."""
    if cell_len(text) <= width:
        return text
    return f"{set_cell_size(text, max(width - 1, 0)).rstrip()}…"


def pad_columns(text: str, width: int) -> str:
    """Return the text in exactly `width` columns, clipped or filled with spaces."""
    return set_cell_size(clip_columns(text, width), width)


def single_line(text: str, style: str = "") -> Text:
    """Return the text as a rich Text that is never wrapped, and is cut where the terminal ends."""
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


def indented(text: str, columns: int, style: str = "") -> Padding:
    """Return the text as a rich renderable whose lines, wrapped ones too, begin at a column."""
    return Padding(Text(text, style=style), (0, 0, 0, columns), expand=False)


def unwrap_paragraphs(text: str) -> Iterator[str]:
    """Yield the lines of a text, escaped, with each paragraph and each item of a list (`- ...`)
    joined to one line. Indented lines stay as they are.
    """
    paragraph: list[str] = []
    for line in [*escape_lines(text.rstrip()), ""]:
        goes_on = line.strip() and not line.startswith(" ")
        if paragraph and (line.startswith("- ") or not goes_on):
            yield " ".join(paragraph)
            paragraph = []
        if goes_on:
            paragraph.append(line.strip())
        else:
            yield line
