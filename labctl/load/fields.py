"""Which keys a model allows at a place in a document."""

from __future__ import annotations

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from labctl.load.yaml_reader import Place


def field_names(model: type[BaseModel], place: Place) -> list[str]:
    """Return the keys that the mapping at a place may have; none if any key may stand there."""
    types: list[Any] = [model]
    for element in place:
        types = [inner for outer in types for inner in _inside(outer, element)]
    return [name for found in types if _is_model(found) for name in found.model_fields]


def _is_model(annotation: Any) -> bool:
    """Tell whether an annotation is a pydantic model."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _inside(annotation: Any, element: str | int) -> Iterator[Any]:
    """Yield the types that one element of a value may have: a model's field, a mapping's value, or
    a tuple's item.
    """
    arguments = get_args(annotation)
    if _is_model(annotation):
        field = annotation.model_fields.get(element)
        if field is not None:
            yield from _members(field.annotation)
    elif get_origin(annotation) is dict:
        yield from _members(arguments[1])
    elif get_origin(annotation) is tuple:
        yield from _members(arguments[0])


def _members(annotation: Any) -> Iterator[Any]:
    """Yield the members of a union, without what Annotated adds."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _members(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for member in get_args(annotation):
            yield from _members(member)
    else:
        yield annotation
