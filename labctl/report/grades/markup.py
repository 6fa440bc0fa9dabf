"""HTML of which every text is escaped, unless it is `Markup` already; and whole pages of it."""

from __future__ import annotations

import base64
import hashlib
import html

from labctl.report.grades.words import cut

LONGEST = 2000


class Markup(str):
    """HTML that may stand in a page as it is. Only this module makes it of anything else."""

    __slots__ = ()


BREAK = Markup("<br>")
EMPTY = Markup("")
Child = str | Markup


def escaped(text: Child) -> Markup:
    """The text, shown as it is: on one line, with what nobody could see as escapes."""
    if isinstance(text, Markup):
        return text
    return Markup(html.escape(cut(text, LONGEST)))


def join(*children: Child) -> Markup:
    """Each escaped, one after the other."""
    return Markup("".join(escaped(child) for child in children))


def tag(element: str, *children: Child, **attributes: str | None) -> Markup:
    """An element. `class_` is class, `aria_label` is aria-label; None leaves an attribute out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaped(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{element}{given}>{join(*children)}</{element}>")


def lines(text: str) -> Markup:
    """A text of lines that `block` made, to stand in <pre>."""
    return Markup("\n".join(html.escape(line) for line in text.split("\n")))


def page(title: str, style: str, *body: Child, script: str = "") -> str:
    """A whole page that loads nothing, and runs nothing but `script`."""
    policy = f"default-src 'none'; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    if script:
        policy += f"; script-src {_hash(script)}"
    # The policy has no quotes in it that end the attribute: hashes are base64.
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"{tag('title', title)}\n<style>{style}</style>\n</head>\n<body>\n{join(*body)}\n"
        f"{f'<script>{script}</script>' if script else ''}\n</body>\n</html>\n"
    )


def _hash(text: str) -> str:
    """A source that lets this text alone run: safer than 'unsafe-inline', were a text to slip."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
