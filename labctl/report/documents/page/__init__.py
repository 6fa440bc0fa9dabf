"""A run as one page for people: what became of every attempt, to filter, to open, to hand on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from labctl.model.result import Result
from labctl.report.documents.page.data import DetailLimits, page_data
from labctl.report.documents.page.layout import page_html
from labctl.report.documents.page.order import worst_first

LIMIT = 5_000_000
"""Of more octets than this, a page takes long to open."""

_DEPTHS = (
    DetailLimits(text=400, output=4000, passed=600, rows=40, attempts=8000),
    DetailLimits(text=200, output=1000, passed=200, rows=30, attempts=8000),
    DetailLimits(text=120, output=200, passed=0, rows=12, attempts=8000),
    DetailLimits(text=80, output=0, passed=0, rows=0, attempts=6000),
)


def run_page(result: Result, folder: str) -> str:
    """Return the HTML page of a run. It needs no other file, and is to be written as UTF-8.

    `folder` is the one that it will be in: links to captures are relative to it. Of runs that are
    too large for LIMIT, less is told of each attempt, and at last not all are listed.
    """
    attempts = worst_first(result.attempts)
    text = ""
    for depth in _tries(len(attempts)):
        shown = attempts[: depth.attempts]
        text = page_html(result, shown, page_data(result, shown, folder, depth))
        if len(text.encode()) < LIMIT:
            break
    return text


def _tries(number: int) -> Iterator[DetailLimits]:
    """Yield how much to show of so many attempts, less each time; the last shows none."""
    *most, least = _DEPTHS
    yield from (depth for depth in most if number <= depth.attempts)
    left = min(number, least.attempts)
    while left:
        yield replace(least, attempts=left)
        left //= 2
    yield replace(least, attempts=0)
