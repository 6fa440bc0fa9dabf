"""Values that a source text can say."""

from __future__ import annotations

import ast

_SCALARS = {bool, bytes, complex, float, int, str, type(None)}
_COLLECTIONS = {list, set, tuple}


def literal(value: object) -> str | None:
    """The text that stands for a value: of texts, numbers, None, and lists, tuples, sets and
    mappings of them. None for any other, and for one that is of a class of its own.
    """
    try:
        text = repr(value) if _is_plain(value) else ""
        return text if text and ast.literal_eval(text) == value else None
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None  # not a number, say


def _is_plain(value: object) -> bool:
    if isinstance(value, dict):
        return type(value) is dict and all(map(_is_plain, (*value, *value.values())))
    if isinstance(value, (list, set, tuple)):
        return type(value) in _COLLECTIONS and all(map(_is_plain, value))
    return type(value) in _SCALARS
