"""The page around the list: one file that loads nothing, and runs nothing but its own scripts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources
from urllib.parse import quote

from labctl.model.result import AttemptResult, Result, Verdict
from labctl.report.documents.page.header import headline, page_header, worst_verdict
from labctl.report.documents.page.rows import attempt_rows
from labctl.report.html import EMPTY, Json, Markup, html_page, json_script, tag
from labctl.text import pluralize

_SCRIPTS = ("elements.js", "ladder.js", "timeline.js", "details.js", "filters.js", "page.js")
_STYLES = ("page.css", "details.css", "places.css")
_COLOURS = {Verdict.PASS: "#1a7f5a", Verdict.FAIL: "#c2352b", Verdict.ERROR: "#8a3fb0"}
_UNDECIDED = "#b27a00"
_KEYS = (
    ("j k", "next, previous"),
    ("↓ ↑", "the same, in the list"),
    ("Enter", "open or close"),
    ("/", "search"),
    ("Esc", "clear the filters"),
    ("?", "these keys"),
)


def page_html(result: Result, shown: Sequence[AttemptResult], data: dict[str, Json]) -> str:
    """Return the whole page. `shown` are the attempts that it lists, and `data` is about these."""
    style, script = ("\n".join(map(_file, names)) for names in (_STYLES, _SCRIPTS))
    return html_page(
        f"{headline(result)} · labctl",
        page_header(result),
        _main(result, shown),
        json_script("data", data),
        style=style,
        script=script,
        head_script=_file("theme.js"),
        icon=_icon(worst_verdict(result)),
    )


@cache
def _file(name: str) -> str:
    """Read a file of the page's, such as its style."""
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _icon(verdict: Verdict | None) -> str:
    """Return the page's icon in the colour of a verdict, as a data URL."""
    colour = _COLOURS.get(verdict or Verdict.PASS, _UNDECIDED)
    return "data:image/svg+xml," + quote(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">'
        f'<circle cx="8" cy="8" r="7" fill="{colour}"/></svg>'
    )


def _main(result: Result, shown: Sequence[AttemptResult]) -> Markup:
    """Return the main part of the page: tools and attempts."""
    return tag(
        "main",
        tag("h2", "Attempts", id="attempts"),
        _tools(),
        tag("noscript", tag("p", "Without scripts, this page has all verdicts and no details.")),
        tag("div", attempt_rows(shown), id="rows", aria_labelledby="attempts", role="group"),
        _left_out(len(result.attempts) - len(shown)),
        tag(
            "p",
            "No attempt fits. ",
            tag("button", "Show all", type="button", class_="clear"),
            id="empty",
            hidden="",
        ),
    )


def _left_out(number: int) -> Markup:
    """Return a note on the attempts that are too many for the page."""
    if not number:
        return EMPTY
    said = (
        f"{pluralize(number, 'attempt')} too many for a page; the result document has all of them."
    )
    return tag("p", f"Not listed: {said} Of these here, the worst come first.", class_="note")


def _tools() -> Markup:
    """Return the search, filters and buttons, which are hidden until scripts run."""
    search = tag(
        "label",
        tag("span", "Search", class_="unseen"),
        Markup(
            '<input id="search" type="search" placeholder="Name, exception" autocomplete="off" '
            'spellcheck="false" aria-keyshortcuts="/">'
        ),
    )
    line = tag(
        "div",
        search,
        tag("p", id="count", role="status", aria_live="polite"),
        tag("button", "Clear", type="button", class_="clear", hidden=""),
        tag("button", "Keys", type="button", id="keys-button", aria_controls="keys"),
        tag("button", "Theme", type="button", id="theme"),
        class_="line",
    )
    return tag("div", line, tag("div", id="chips"), _keys(), id="tools", hidden="")


def _keys() -> Markup:
    """Return the list of keyboard shortcuts."""
    pairs = (
        tag("div", tag("dt", *(tag("kbd", key) for key in keys.split())), tag("dd", what))
        for keys, what in _KEYS
    )
    return tag("dl", *pairs, id="keys")
