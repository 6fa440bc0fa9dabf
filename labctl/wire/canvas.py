"""Rows of a ladder -> lines of text: lifelines, arrows with labels, and notes.

All texts must have only characters that take one column (`escape_to_single_width`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labctl.model.result import LadderRow
from labctl.text import clip

WIDTH = 80
_TIME_WIDTH = 8
CLIENT_X = _TIME_WIDTH + 3
_WIDEST_STEP = 46
_TAIL = 5
"""Columns right of the last lifeline, so that its heading is centred over it."""


@dataclass(frozen=True)
class Canvas:
    """A drawing of WIDTH columns of a terminal, with a lifeline for each of its headings.

    The first heading is the client's.
    """

    headings: Sequence[str]

    def heading(self) -> str:
        """Return the line that names the lifelines."""
        cells = [" "] * WIDTH
        _put(cells, _TIME_WIDTH - 2, "ms")
        step = self._step()
        for number, heading in enumerate(self.headings):
            text = _fit(heading, step - 1)
            centred = self._x(number) - len(text) // 2
            _put(cells, max(CLIENT_X, min(centred, WIDTH - len(text))), text)
        return "".join(cells).rstrip()

    def line(self, row: LadderRow) -> str:
        """Return one row as a line."""
        cells = [" "] * WIDTH
        if row.at_s is not None:
            _put(cells, 0, f"{row.at_s * 1e3:{_TIME_WIDTH}.1f}"[:CLIENT_X])
        for number in range(len(self.headings)):
            cells[self._x(number)] = "│"
        if row.source == row.target:
            at = self._x(row.source)
            _put(cells, at, f"{row.mark} {clip(row.text, WIDTH - at - 2)}")
        else:
            self._arrow(cells, row)
        return "".join(cells).rstrip()

    def _arrow(self, cells: list[str], row: LadderRow) -> None:
        """Draw an arrow between two lifelines, with the row's text on it."""
        left, right = sorted((self._x(row.source), self._x(row.target)))
        leftwards = row.target < row.source
        for x in range(left + 1, right):
            cells[x] = "┼" if cells[x] == "│" else "─"
        if leftwards or row.both:
            cells[left + 1] = "◀"
        else:
            cells[left] = "├"
        if not leftwards or row.both:
            cells[right - 1] = "▶"
        else:
            cells[right] = "┤"
        start = left + (3 if leftwards or row.both else 2)
        end = right - (1 if leftwards else 2)
        self._label(cells, row.text, start, end, right)

    @staticmethod
    def _label(cells: list[str], text: str, start: int, end: int, right: int) -> None:
        """Write a text on the arrow; behind it if it is too long and there is more room there."""
        inside, behind = end - start - 1, WIDTH - right - 2
        if len(text) <= inside or inside >= behind:
            _put(cells, start, f" {clip(text, inside)} ")
        else:
            _put(cells, right + 2, clip(text, behind) + " ")

    def _step(self) -> int:
        """Return the distance of two lifelines, in columns."""
        hosts = max(len(self.headings) - 1, 1)
        return min((WIDTH - CLIENT_X - _TAIL) // hosts, _WIDEST_STEP)

    def _x(self, number: int) -> int:
        """Return the column of a lifeline."""
        return CLIENT_X + number * self._step()


def _fit(heading: str, width: int) -> str:
    """Return a heading cut to a width: a name keeps its start, an address its end."""
    if len(heading) > width and set(heading) <= set("0123456789abcdef.:"):
        return f"…{heading[1 - width :]}"
    return clip(heading, width)


def _put(cells: list[str], at: int, text: str) -> None:
    """Write a text from a column on; what would stand outside of the line is left out."""
    for x, char in enumerate(text, at):
        if 0 <= x < len(cells):
            cells[x] = char
