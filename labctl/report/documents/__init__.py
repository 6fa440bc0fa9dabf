"""What a run's result can be written as: a document for each reader, all of the same result.

A new one is a module with a function, and a line in `FORMATS`. What a format needs is imported
when it is written: the command line reads this table at every start.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labctl.model.result import Result

Render = Callable[["Result", str], str]
Documents = Mapping[str, str]
"""The file for each document that is asked for, by the name of its format; `-` is stdout."""

NO_DOCUMENTS: Documents = {}


@dataclass(frozen=True)
class Format:
    """`name` is that of its option and `title` the option's help. `render` takes the result and
    the folder that the document is written into, from where its links lead.
    """

    name: str
    title: str
    render: Render


def result_json(result: Result) -> str:
    """Return the document `labctl-result/1`, ending in a newline."""
    return result.model_dump_json(by_alias=True, indent=2) + "\n"


def _written(module: str, function: str) -> Render:
    """Return a renderer that needs only the result: its text is the same wherever it is written."""
    return lambda result, _: str(_found(module, function)(result))


def _placed(module: str, function: str) -> Render:
    """Return a renderer that needs the result and the folder that it is written to."""
    return lambda result, folder: str(_found(module, function)(result, folder))


def _found(module: str, function: str) -> Callable[..., object]:
    """Import a module, and return its function of this name."""
    found: Callable[..., object] = getattr(importlib.import_module(module), function)
    return found


FORMATS: tuple[Format, ...] = (
    Format(
        "json",
        "Write the result document there.",
        lambda result, _: result_json(result),
    ),
    Format(
        "junit",
        "Write a JUnit XML report there.",
        _written("labctl.report.documents.junit", "junit"),
    ),
    Format(
        "ctrf",
        "Write a CTRF report, which is JSON, there.",
        _written("labctl.report.documents.ctrf", "ctrf"),
    ),
    Format(
        "html",
        "Write an HTML page there.",
        _placed("labctl.report.documents.page", "run_page"),
    ),
)
