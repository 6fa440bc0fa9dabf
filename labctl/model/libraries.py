"""The client libraries that labctl knows. Each is one entry in libraries.toml, beside this module.

The file is read when something first asks for a library, not when this module is imported.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from labctl.model.layers import Layer

_TIMEOUTS = ("TimeoutError", "socket.timeout", "asyncio.exceptions.TimeoutError")
"""What Python itself raises when a deadline has passed."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An exception that carries the code of a server's reply, and the attribute with that code."""

    exception: str
    attribute: str
    codes: Literal["smtp", "http"]


@dataclass(frozen=True, kw_only=True)
class Library:
    """A client library. libraries.toml says what each field means.

    `distribution` is empty for a library that is part of Python. `clauses` maps what people write
    after `except` to the name that the class calls itself; `kinds` maps an exception to the name of
    a `labctl.results.retry.FailureKind`.
    """

    name: str
    module: str
    distribution: str = ""
    protocol: Layer | None = None
    documented: tuple[str, ...] = ()
    timeouts: tuple[str, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    reply: Reply | None = None
    clauses: Mapping[str, str] = field(default_factory=dict)


@cache
def libraries() -> Mapping[str, Library]:
    """Return all client libraries by name, in the order of libraries.toml. Reads that file once."""
    import tomllib  # noqa: PLC0415 compiles regular expressions

    text = files("labctl.model").joinpath("libraries.toml").read_text("utf-8")
    return {name: _library(name, entry) for name, entry in tomllib.loads(text).items()}


def _library(name: str, entry: Mapping[str, Any]) -> Library:
    """Return a library from its entry in the table."""
    fields: dict[str, Any] = {"name": name, "module": name}
    for key, value in entry.items():
        fields[key] = tuple(value) if isinstance(value, list) else value
    if "reply" in fields:
        fields["reply"] = Reply(**fields["reply"])
    return Library(**fields)


@cache
def timeout_exceptions() -> frozenset[str]:
    """Return the types of exception that stand for a timeout: Python's, and those of libraries."""
    return frozenset(_TIMEOUTS).union(*(library.timeouts for library in libraries().values()))


@cache
def third_party_libraries() -> tuple[str, ...]:
    """Return the names of the libraries that are not part of Python: what `requires` can name."""
    return tuple(name for name, library in libraries().items() if library.distribution)


def libraries_with_modules(modules: Collection[str]) -> tuple[str, ...]:
    """Return the names of the third-party libraries whose top-level module is one of these."""
    return tuple(name for name in third_party_libraries() if libraries()[name].module in modules)
