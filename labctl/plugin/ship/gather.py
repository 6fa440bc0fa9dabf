"""From what a client imports to all the modules that must be sent with it."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import get_args

from labctl.errors import InputError, Where
from labctl.model.scenario import Library
from labctl.plugin.ship.imports import Imported, imports_of
from labctl.plugin.ship.project import Module, Project, Whose

_KNOWN: tuple[Library, ...] = get_args(Library)


class Gathered:
    """The project's modules that a client needs, by name, and the libraries."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._libraries: set[str] = set()
        self.modules: dict[str, Module] = {}

    @property
    def requires(self) -> tuple[Library, ...]:
        """Those of the libraries that an attempt can require."""
        return tuple(name for name in _KNOWN if name in self._libraries)

    @property
    def needs_libraries(self) -> bool:
        """Whether it takes an image with libraries, be it for what these are made of."""
        return bool(self._libraries)

    def add(self, wanted: Iterable[Imported], where: Where) -> None:
        """Add all that is imported, and what that imports. InputError for what can't be sent;
        what a source can do without is left out then. `where` has the file that imports it.
        """
        waiting = [(one, where) for one in wanted]
        while waiting:
            one, place = waiting.pop()
            for module in self._new_modules(one, Where(path=place.path, line=one.line)):
                self.modules[module.name] = module
                here = Where(path=module.path)
                waiting += [(each, here) for each in _imports(module)]

    def _new_modules(self, one: Imported, where: Where) -> list[Module]:
        whose = self._project.whose(one.module)
        if whose is Whose.LIBRARY:
            self._libraries.add(one.module.partition(".")[0])
        elif whose is Whose.FOREIGN and one.needed:
            raise _not_there(one.module.partition(".")[0], where)
        if whose is not Whose.PROJECT:
            return []
        parts = one.module.split(".")
        names = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
        names += [f"{one.module}.{name}" for name in one.names]
        found = (self._project.module(name) for name in names if name not in self.modules)
        return [module for module in found if module is not None]


def _imports(module: Module) -> list[Imported]:
    try:
        tree = ast.parse(module.source)
    except (SyntaxError, ValueError):
        return []  # importing it will say so
    return list(imports_of([tree], module.package))


def _not_there(name: str, where: Where) -> InputError:
    return InputError(
        f"imports {name}, which a client's container does not have",
        where=where,
        hint=f"it has the standard library, modules of your project, and {', '.join(_KNOWN)}; move "
        f"what the client needs to a module that doesn't import {name}, or import it where it is "
        "used",
    )
