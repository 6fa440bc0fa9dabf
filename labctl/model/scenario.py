"""A scenario: `ScenarioFile` as it is written, `Scenario` with everything it names resolved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from labctl.model.base import Input, Name, Text
from labctl.model.compose import Service
from labctl.model.expectation import Expectation
from labctl.model.layers import Layer
from labctl.model.libraries import third_party_libraries


class _LibraryCheck:
    """Makes pydantic accept the third-party libraries of libraries.toml, as a `Literal` of their
    names would, but without reading that file before a value is checked.
    """

    def __get_pydantic_core_schema__(self, source: Any, _: GetCoreSchemaHandler) -> CoreSchema:
        """Return pydantic's schema for the check."""
        return core_schema.no_info_plain_validator_function(_check_library)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, _: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Return the JSON Schema: an `enum` of the names."""
        return {"enum": list(third_party_libraries()), "type": "string"}


def _check_library(value: object) -> str:
    """Return the library's name. Raise an error if labctl does not know it."""
    names = third_party_libraries()
    if isinstance(value, str) and value in names:
        return value
    raise PydanticKnownError("literal_error", {"expected": " or ".join(map(repr, names))})


RequiredLibrary = Annotated[str, _LibraryCheck()]
"""A library that an attempt can require; compose/images/libs/pins.txt has the versions."""


class Target(Input):
    """What clients aim at; `host` and `port` reach the client as LAB_HOST and LAB_PORT."""

    host: Text
    port: Annotated[int, Field(ge=0)]


class ClientFile(Input):
    """A client kept in a file of its own, beside the scenario."""

    file: Text


def _check_unique(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names. Raise ValueError if one is there twice."""
    for number, name in enumerate(names):
        if name in names[:number]:
            raise ValueError(f"names {name} twice")
    return names


class AttemptFile(Input):
    """One client and what it must observe. `requires` names the libraries that it imports."""

    client: Text | ClientFile
    requires: Annotated[
        tuple[RequiredLibrary, ...], Field(min_length=1), AfterValidator(_check_unique)
    ] = ()
    expect: Expectation | Annotated[tuple[Expectation, ...], Field(min_length=1)]


class ScenarioFile(Input):
    """A scenario as its YAML file has it. Its JSON Schema is what `labctl schema` prints."""

    name: Name
    title: Text
    layer: Layer
    tags: tuple[Name, ...] = ()
    story: Text
    services: tuple[Name, ...] = ()
    compose: Text | None = None
    exclusive: bool = False
    target: Target
    attempts: Annotated[dict[Name, AttemptFile], Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One client of a scenario: its source text, where that stands, the libraries that it imports,
    and the variants expected: none where they are still to be recorded. `line` is where the attempt
    begins in the scenario's file.
    """

    name: str
    source: str
    origin: str
    requires: tuple[str, ...] = ()
    expectations: tuple[Expectation, ...]
    line: int = 0

    def expectation(self, python: str) -> Expectation | None:
        """Return the first variant for a Python (`3.13.5`), or None if there is none."""
        return next((e for e in self.expectations if e.admits(python)), None)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A scenario ready to plan. `services` holds every service it needs, `dns` among them,
    in an order in which each comes after those it depends on. `compose` is the file they stand
    in: scenarios that name the same one can share a lab. `files` are its own and those that it
    names, all in its folder.
    """

    path: Path
    name: str
    title: str
    layer: Layer
    tags: tuple[str, ...]
    story: str
    services: tuple[Service, ...]
    compose: Path
    exclusive: bool
    target: Target
    attempts: tuple[Attempt, ...]
    files: tuple[Path, ...] = ()
