"""The dependencies of a client: all modules that must be sent with it, and the libraries."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from labctl.errors import InputError, Where
from labctl.model.libraries import libraries_with_modules, third_party_libraries
from labctl.plugin.bundle.imports import ImportedModule, imports_of
from labctl.plugin.bundle.project import Module, ModuleOwner, Project


class Dependencies:
    """The project's modules that a client needs, by name, and the libraries that it needs."""

    def __init__(self, project: Project) -> None:
        """Begin with no modules and no libraries. Modules are looked up in the project."""
        self._project = project
        self._libraries: set[str] = set()
        self.modules: dict[str, Module] = {}

    @property
    def requires(self) -> tuple[str, ...]:
        """The libraries that an attempt can name in `requires`."""
        return libraries_with_modules(self._libraries)

    @property
    def needs_libraries(self) -> bool:
        """Whether the client needs the image with libraries, even for a library's dependency."""
        return bool(self._libraries)

    def add(self, imports: Iterable[ImportedModule], where: Where) -> None:
        """Add imported modules, and all that these import in turn. Reads their source files.

        `where` is the file that has the imports. Raise InputError for a required module that
        can't be sent; an optional one is left out.
        """
        waiting = [(one, where) for one in imports]
        while waiting:
            one, place = waiting.pop()
            for module in self._new_modules(one, Where(path=place.path, line=one.line)):
                self.modules[module.name] = module
                here = Where(path=module.path)
                waiting += [(each, here) for each in _imports(module)]

    def _new_modules(self, imported: ImportedModule, where: Where) -> list[Module]:
        """Return the project's modules that an import loads, without those that are in the
        collection already.
        """
        owner = self._project.owner(imported.module)
        if owner is ModuleOwner.LIBRARY:
            self._libraries.add(imported.module.partition(".")[0])
        elif owner is ModuleOwner.HOST_ONLY and imported.is_required:
            raise _unavailable(imported.module.partition(".")[0], where)
        if owner is not ModuleOwner.PROJECT:
            return []
        parts = imported.module.split(".")
        names = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
        names += [f"{imported.module}.{name}" for name in imported.names]
        modules = (self._project.module(name) for name in names if name not in self.modules)
        return [module for module in modules if module is not None]


def _imports(module: Module) -> list[ImportedModule]:
    """Return the imports of a module; none if its source is invalid."""
    try:
        tree = ast.parse(module.source)
    except (SyntaxError, ValueError):
        return []  # the client's own import reports it
    return list(imports_of([tree], module.package))


def _unavailable(name: str, where: Where) -> InputError:
    """Return the error for a module that a client's container does not have."""
    libraries = ", ".join(third_party_libraries())
    return InputError(
        f"imports {name}, which a client's container does not have",
        where=where,
        hint="the container has the standard library, modules of your project, and "
        f"{libraries}; move what the client needs to a module that doesn't import "
        f"{name}, or import {name} in the function that uses it",
    )
