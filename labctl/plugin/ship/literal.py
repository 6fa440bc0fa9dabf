"""Values that a source text can say."""

from __future__ import annotations

import ast


def literal(value: object) -> str | None:
    """The text that stands for a value: of texts, numbers, None, and lists, tuples, sets and
    mappings of them. None for any other, and for one that is of a class of its own.
    """
    text = repr(value)
    try:
        again = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None
    return text if type(again) is type(value) and again == value else None
