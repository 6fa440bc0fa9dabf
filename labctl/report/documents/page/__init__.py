"""A run as one page for people: what became of every attempt, to filter, to open, to hand on."""

from __future__ import annotations

from labctl.model.result import Result
from labctl.report.documents.page.data import Depth, document
from labctl.report.documents.page.html import shell
from labctl.report.documents.page.order import worst_first

LIMIT = 5_000_000
"""Of more octets than this, a page takes long to open."""

_DEPTHS = (
    Depth(text=400, output=4000, passed=600, rows=40, attempts=20_000),
    Depth(text=200, output=1000, passed=200, rows=30, attempts=12_000),
    Depth(text=120, output=200, passed=0, rows=12, attempts=8_000),
    Depth(text=80, output=0, passed=0, rows=0, attempts=4_000),
)


def page(result: Result, folder: str) -> str:
    """The page, which needs no other file: HTML that is ASCII-safe to write as UTF-8.

    `folder` is the one that it will be in: links to captures are relative to it. Of runs that are
    too large for LIMIT, less is told of each attempt, and at last not all are listed.
    """
    attempts = worst_first(result.attempts)
    text = ""
    for depth in _DEPTHS:
        shown = attempts[: depth.attempts]
        text = shell(result, shown, document(result, shown, folder, depth))
        if len(text.encode()) < LIMIT:
            break
    return text
