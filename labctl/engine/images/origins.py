"""Where bases come from: what every origin can do, and what they have in common."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import Protocol

from labctl.engine.images.builder import Builder
from labctl.engine.images.content import digest
from labctl.engine.images.names import ImageTarget

_ENGINE_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}


class Unavailable(Exception):
    """Why an origin can't supply a base: half a sentence."""


@dataclass(frozen=True, kw_only=True)
class Base:
    """An image on the engine with a Python, and where in it the interpreter is."""

    id: str
    interpreter: str


class Origin(Protocol):
    """A place that bases come from."""

    @property
    def name(self) -> str:
        """The name of the origin: registry, debian or host."""
        ...

    def recipe(self, target: ImageTarget) -> str:
        """Return how it makes a base for the target, as text: a part of the hash by which a stale
        image is known.
        """
        ...

    def supply(self, target: ImageTarget, builder: Builder) -> Base:
        """Make a base for the target on the engine, and return it. Raise Unavailable if this origin
        can't, or EngineError if something went wrong.
        """
        ...


def base_key(origin: Origin, target: ImageTarget) -> str:
    """Return the key of a base of that origin for the target: `Builder.find_base` finds it again by
    this.
    """
    return recipe_key(origin.name, origin.recipe(target))


def recipe_key(origin: str, recipe: str) -> str:
    """Return the key of a base that the origin of that name made by a recipe."""
    return digest({"origin": origin.encode(), "recipe": recipe.encode()})


def engine_architecture() -> str:
    """Return the architecture of this machine, in Docker's words: `amd64` or `arm64`."""
    return _ENGINE_NAMES.get(platform.machine(), platform.machine())


def require_same_machine(builder: Builder) -> None:
    """Ask the engine for its architecture. Raise Unavailable unless programs of this machine run on
    it.
    """
    system = platform.system()
    if system != "Linux":
        raise Unavailable(f"this machine runs {system}, and images need Linux")
    here = engine_architecture()
    there = builder.architecture()
    if here != there:
        raise Unavailable(f"this machine is {here}, and the engine {there}")
