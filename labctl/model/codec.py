"""Dataclasses of the model to JSON, and back unchanged."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter

_T = TypeVar("_T")


def dump_json(value: object) -> str:
    """Return a value as JSON. Raise ValueError if a text in it is not Unicode, such as a path."""
    kind: Any = type(value)
    return _adapter(kind).dump_json(value, by_alias=True, exclude_unset=True).decode()


def load_json(kind: type[_T], text: str) -> _T:
    """Return the value of this type that `dump_json` made the text of.

    Raise ValueError for any other text.
    """
    # Types are strict about what people write: in JSON, a tuple is a list.
    any_kind: Any = kind
    value: _T = _adapter(any_kind).validate_json(text, strict=False)
    return value


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    """Return pydantic's adapter for a type."""
    return TypeAdapter(kind)
