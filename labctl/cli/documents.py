"""The options of a verb that writes documents: one for each format that there is."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from labctl.report.documents import FORMATS

_PARAMETER = "documents"


def with_documents(verb: Callable[..., None]) -> Callable[..., None]:
    """Return the verb with an option for each document format, in place of its parameter
    `documents`.
    """
    signature = inspect.signature(verb, eval_str=True)
    names = [one.name for one in FORMATS]

    @wraps(verb)
    def with_options(**given: Any) -> None:
        documents = {name: given.pop(name) for name in names}
        verb(**given, **{_PARAMETER: {name: place for name, place in documents.items() if place}})

    parameters = [p for p in signature.parameters.values() if p.name != _PARAMETER]
    parameters += [
        inspect.Parameter(
            one.name,
            inspect.Parameter.KEYWORD_ONLY,
            default="",
            annotation=Annotated[str, typer.Option(metavar="FILE|-", help=one.title)],
        )
        for one in FORMATS
    ]
    with_options.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    with_options.__annotations__ = {p.name: p.annotation for p in parameters}
    del with_options.__wrapped__  # it has other parameters
    return with_options
