"""HTML pages in which every text is escaped, and which load nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Sequence

from labctl.text import escape_control

TEXT_LIMIT = 2000
"""Characters of one text beyond which it is cut."""

Json = None | bool | int | float | str | Sequence["Json"] | dict[str, "Json"]

_JSON_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


class Markup(str):
    """HTML that may stand in a page as it is. Only `report` makes it, and never of other texts."""

    __slots__ = ()


BREAK = Markup("<br>")
EMPTY = Markup("")
Child = str | Markup


def escape_html(text: Child) -> Markup:
    """Return the text as HTML that shows it on one line; `Markup` is returned unchanged.

    Unprintable characters become visible escapes, and the text is cut at `TEXT_LIMIT`.
    """
    if isinstance(text, Markup):
        return text
    return Markup(html.escape(escape_control(text, limit=TEXT_LIMIT)))


def escape_html_lines(text: str) -> Markup:
    """Return several lines as HTML for `<pre>`. `escape_lines` must have made them printable."""
    return Markup("\n".join(html.escape(line) for line in text.split("\n")))


def join(*children: Child) -> Markup:
    """Return the children as HTML, one after the other, each escaped by `escape_html`."""
    return Markup("".join(map(escape_html, children)))


def tag(element: str, *children: Child, **attributes: str | None) -> Markup:
    """Return an element with its children and attributes, all escaped by `escape_html`.

    In names of attributes `_` stands for `-`, and one at the end is dropped: `aria_label`,
    `class_`. An attribute that is None is left out.
    """
    pairs = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape_html(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{element}{pairs}>{join(*children)}</{element}>")


def json_script(element_id: str, value: Json) -> Markup:
    """Return a `<script>` element that holds data for other scripts, and runs nothing."""
    return Markup(
        f'<script type="application/json" id="{escape_html(element_id)}">'
        f"{script_json(value)}</script>"
    )


def script_json(value: Json) -> str:
    """Return JSON that may stand in a `<script>`: nothing in it ends one, or begins a tag."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.translate(_JSON_ESCAPES)


def html_page(
    title: str,
    *body: Child,
    style: str,
    script: str = "",
    head_script: str = "",
    icon: str = "",
) -> str:
    """Return a whole HTML document, which needs no other file; to be written as UTF-8.

    Its Content Security Policy lets nothing be loaded, and nothing run but the scripts given here:
    `head_script` before the body is shown, `script` after it. `icon` is a `data:` URL.
    """
    scripts = [text for text in (head_script, script) if text]
    policy = f"default-src 'none'; style-src {_source(style)}; base-uri 'none'; form-action 'none'"
    policy += f"; script-src {' '.join(map(_source, scripts))}" if scripts else ""
    policy += "; img-src data:" if icon else ""
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        # The policy has no quotes in it that end the attribute: hashes are base64.
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        '<meta name="color-scheme" content="light dark">',
        tag("title", title),
        f'<link rel="icon" href="{escape_html(icon)}">' if icon else "",
        f"<style>{style}</style>",
        f"<script>{head_script}</script>" if head_script else "",
        "</head>\n<body>",
        *map(escape_html, body),
        f"<script>{script}</script>" if script else "",
        "</body>\n</html>\n",
    ]
    return "\n".join(filter(None, parts))


def _source(text: str) -> str:
    """Return a policy's source for this text alone: safer than 'unsafe-inline', should a text of
    others ever get into the page unescaped.
    """
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
