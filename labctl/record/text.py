"""From what to expect to lines of YAML, in the style of the bundled scenarios. Pure.

Short mappings stand in one line, `{like: this}`; lists have an item a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labctl.load.plain import Surprise, plain_scalar
from labctl.record.exceptions import Expected

WIDTH = 100
_PLAIN = re.compile(r"[^\W\d][\w.:/<>=@+,*()-]*(?: [\w.:/<>=@+,*()-]+)*|\.\.\.|(?:\d+m?s)+")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_AFTER_ASCII = 0x7E
_BMP = 0xFFFF


def expect_lines(variants: Sequence[Expected], indent: int) -> list[str]:
    """Return the lines under `expect:`, whose own column, counted from 0, is `indent`."""
    inner = " " * (indent + 2)
    if len(variants) == 1:
        return [f"{inner}{line}" for line in _mapping(variants[0], WIDTH - len(inner))]
    return [f"{inner}{line}" for one in variants for line in _item(one, WIDTH - len(inner))]


def _mapping(value: Mapping[str, Any], width: int) -> Iterator[str]:
    """Yield the lines of a mapping in YAML, within a width."""
    for key, inner in value.items():
        if isinstance(inner, dict):
            line = f"{key}: {_inline(inner)}"
            if len(line) <= width:
                yield line
            else:
                yield f"{key}:"
                yield from (f"  {each}" for each in _mapping(inner, width - 2))
        elif isinstance(inner, list):
            yield f"{key}:" if inner else f"{key}: []"
            for item in inner:
                yield from (f"  {each}" for each in _entry(item, width - 2))
        else:
            yield f"{key}: {scalar(inner)}"


def _entry(item: Any, width: int) -> Iterator[str]:
    """Yield the lines of a list's item in YAML, within a width."""
    if not isinstance(item, dict):
        yield f"- {scalar(item)}"
    elif len(line := f"- {_inline(item)}") <= width:
        yield line
    else:
        yield from _item(item, width)


def _item(value: Mapping[str, Any], width: int) -> Iterator[str]:
    """Yield the lines of a mapping that is an item of a list, one line for each key."""
    for number, line in enumerate(_mapping(value, width - 2)):
        yield f"{'  ' if number else '- '}{line}"


def _inline(value: Any) -> str:
    """Return a value in YAML on one line."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_inline(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    return scalar(value, flow=True)


def scalar(value: str | float | bool | None, *, flow: bool = False) -> str:
    """Return a value as YAML, in quotes if it needs them. With `flow`, it stands between braces."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return str(value)
    return value if _is_plain(value, flow=flow) else f'"{"".join(map(_escaped, value))}"'


def _is_plain(text: str, *, flow: bool) -> bool:
    """Tell whether a text needs no quotes in YAML."""
    if not _PLAIN.fullmatch(text) or re.search(r":(?:\s|$)", text) or (flow and "," in text):
        return False
    try:
        return plain_scalar(text) == text
    except Surprise:
        return False


def _escaped(char: str) -> str:
    """Return a character as it stands in double quotes in YAML."""
    if char in _ESCAPES:
        return _ESCAPES[char]
    if " " <= char <= chr(_AFTER_ASCII):
        return char
    code = ord(char)
    return f"\\u{code:04x}" if code <= _BMP else f"\\U{code:08x}"
