"""The page around the list: one file that loads nothing, and runs nothing but its own scripts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from urllib.parse import quote

from labctl.model.result import AttemptResult, Result, Verdict
from labctl.report.documents.page.pool import Json, script_json
from labctl.report.documents.page.rows import rows
from labctl.report.documents.page.summary import head, headline, worst
from labctl.report.grades.markup import EMPTY, Markup, tag
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


def shell(result: Result, shown: Sequence[AttemptResult], data: dict[str, Json]) -> str:
    """The whole page; `shown` are the attempts that it lists, and `data` is of these."""
    style, script = ("\n".join(map(_file, names)) for names in (_STYLES, _SCRIPTS))
    theme = _file("theme.js")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(theme)} {_hash(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    # The policy has no quotes in it that end the attribute: hashes are base64.
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"{tag('title', f'{headline(result)} · labctl')}\n"
        f'<link rel="icon" href="{_icon(worst(result))}">\n'
        f"<style>{style}</style>\n<script>{theme}</script>\n</head>\n<body>\n"
        f"{head(result)}\n{_main(result, shown)}\n"
        f'<script type="application/json" id="data">{script_json(data)}</script>\n'
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


@cache
def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    """A source that lets this text alone run."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _icon(verdict: Verdict | None) -> str:
    colour = _COLOURS.get(verdict or Verdict.PASS, _UNDECIDED)
    return "data:image/svg+xml," + quote(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">'
        f'<circle cx="8" cy="8" r="7" fill="{colour}"/></svg>'
    )


def _main(result: Result, shown: Sequence[AttemptResult]) -> Markup:
    return tag(
        "main",
        tag("h2", "Attempts", id="attempts"),
        _tools(),
        tag("noscript", tag("p", "Without scripts, this page has all verdicts and no details.")),
        tag("div", rows(shown), id="rows", aria_labelledby="attempts", role="group"),
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
    if not number:
        return EMPTY
    said = (
        f"{pluralize(number, 'attempt')} too many for a page; the result document has all of them."
    )
    return tag("p", f"Not listed: {said} Of these here, the worst come first.", class_="note")


def _tools() -> Markup:
    """What scripts bring to life, and hidden until then."""
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
    pairs = (
        tag("div", tag("dt", *(tag("kbd", key) for key in keys.split())), tag("dd", what))
        for keys, what in _KEYS
    )
    return tag("dl", *pairs, id="keys")
