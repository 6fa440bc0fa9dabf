"""The data of a page, read as its script reads it, and its HTML as a browser does."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

from labctl.model.result import Result
from labctl.report.documents.page import run_page
from labctl.report.documents.page.data import DetailLimits, page_data

DEPTH = DetailLimits(text=400, output=4000, passed=600, rows=40, attempts=1000)
_DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)


def told(result: Result, depth: DetailLimits = DEPTH, folder: str = "") -> list[dict[str, Any]]:
    """What is told of each attempt, in the order of the result, with texts for their numbers."""
    data: dict[str, Any] = dict(page_data(result, result.attempts, folder, depth))
    return [_attempt(one, data) for one in data["attempts"]]


def _attempt(one: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """`compared`, `stack`, `chain`, `facts`, `ladder` and the plain texts, in words."""

    def say(value: Any) -> Any:
        return data["texts"][value] if isinstance(value, int) else [*map(say, value)]

    plain = ("reasons", "because", "again", "stdout", "stderr")
    words: dict[str, Any] = {key: say(one[key]) for key in plain if key in one}
    for key in ("stack", "chain", "facts"):
        if key in one:
            words[key] = say(data["blocks"][one[key]])
    if "compared" in one:
        lines = data["blocks"][one["compared"]]
        words["compared"] = [(mark, *map(say, rest)) for mark, *rest in lines]
    if "moments" in one:
        words["moments"] = [(lane, at, say(text)) for lane, at, text in one["moments"]]
    if "ladder" in one:
        block = data["blocks"][one["ladder"]]
        rows = [(a, b, say(text), say(mark), both) for a, b, text, mark, both in block["rows"]]
        words["ladder"] = {"hosts": say(block["hosts"]), "rows": rows, "notes": say(block["notes"])}
    return {**one, **words}


def data_of(text: str) -> Any:
    """The data in a page."""
    found = _DATA.search(text)
    assert found
    return json.loads(found[1])


class Elements(HTMLParser):
    """Which elements a page has, with which attributes; and the text of its list."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]


def elements_of(result: Result) -> Elements:
    return Elements(run_page(result, ""))
