"""The modules of a project, and who owns a module: Python, a client library or the project."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import sys
import sysconfig
import tomllib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from labctl.errors import InputError, Where
from labctl.load.files import read_text
from labctl.load.scenario import CLIENT_LIMIT

_INSTALLED = {"site-packages", "dist-packages"}
_PYTHONS = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
_TEST_TOOLS = {"labctl", "pytest", "_pytest"}
"""Packages that are never the project's own, even if their source is in its folder."""


class ModuleOwner(Enum):
    """The owner of a module.

    `LIBRARY` is in the client image with libraries. `HOST_ONLY` is installed on this machine, but
    in no client image. `MISSING` is not even on this machine.
    """

    PYTHON = auto()
    LIBRARY = auto()
    PROJECT = auto()
    HOST_ONLY = auto()
    MISSING = auto()


@dataclass(frozen=True, kw_only=True)
class Module:
    """A module of the project, with its source.

    `file` is its path as tracebacks show it. Its relative imports begin at `package`.
    """

    name: str
    file: str
    source: str
    path: Path
    package: str


class Project:
    """A project in a folder, and all modules that it can import on this machine.

    Modules are searched for with importlib, but never imported.
    """

    def __init__(self, root: Path, libraries: Iterable[str], folders: Sequence[Path] = ()) -> None:
        """Take the project's folder, the packages of client images, and folders that come before
        sys.path.
        """
        self._root = root
        self._libraries = {_normal(name) for name in libraries}
        self._folders = [str(folder) for folder in folders]
        self._specs: dict[str, ModuleSpec | None] = {}

    def owner(self, name: str) -> ModuleOwner:
        """Return the owner of a module, which is that of its top-level package."""
        top = name.partition(".")[0]
        spec = self._spec(top)
        if spec is not None and top not in _TEST_TOOLS and self._is_project_module(spec):
            return ModuleOwner.PROJECT
        if top == "__main__" or top in sys.stdlib_module_names:
            return ModuleOwner.PYTHON
        if _normal(top) in self._libraries:
            return ModuleOwner.LIBRARY
        return ModuleOwner.MISSING if spec is None else ModuleOwner.HOST_ONLY

    def module(self, name: str) -> Module | None:
        """Return the project's module of that name, and read its source; None if there is none.

        Raise InputError if it is not written in Python.
        """
        spec = self._spec(name)
        if spec is None:
            return None
        locations = spec.submodule_search_locations
        package = name if locations is not None else name.rpartition(".")[0]
        if spec.origin is None or not spec.has_location:
            folder = Path(next(iter(locations or ()), ""))
            return Module(
                name=name, file=self._shown(folder / "__init__.py"), source="", path=folder,
                package=package,
            )  # fmt: skip
        path = Path(spec.origin)
        if path.suffix != ".py":
            raise InputError(
                f"{name} is not written in Python: it can't be sent to a client's container",
                where=Where(path=path),
            )
        source = read_text(path, CLIENT_LIMIT)
        return Module(name=name, file=self._shown(path), source=source, path=path, package=package)

    def _shown(self, path: Path) -> str:
        """Return a path relative to the project's folder, if it is in that."""
        return str(path.relative_to(self._root) if path.is_relative_to(self._root) else path)

    def _spec(self, name: str) -> ModuleSpec | None:
        """Return the spec of a module, or None if there is none. Each name is looked for once."""
        if name not in self._specs:
            parent = name.rpartition(".")[0]
            self._specs[name] = (
                self._submodule_spec(name, parent) if parent else self._top_level_spec(name)
            )
        return self._specs[name]

    def _top_level_spec(self, name: str) -> ModuleSpec | None:
        """Look for a top-level module: in the first folders, then in sys.path."""
        beside = PathFinder.find_spec(name, self._folders)
        if beside is not None:
            return beside
        with suppress(ValueError, ImportError):
            return importlib.util.find_spec(name)
        return None

    def _submodule_spec(self, name: str, parent: str) -> ModuleSpec | None:
        """Look for a submodule, without importing its parent as importlib.util would do."""
        above = self._spec(parent)
        if above is None or above.submodule_search_locations is None:
            return None
        return PathFinder.find_spec(name, list(above.submodule_search_locations))

    def _is_project_module(self, spec: ModuleSpec) -> bool:
        """Tell whether a module is the project's: not installed, or installed as the project."""
        places = [spec.origin] if spec.has_location and spec.origin else []
        paths = [Path(place) for place in places or spec.submodule_search_locations or ()]
        if not paths or not paths[0].is_absolute():
            return False  # built in, or frozen
        if _INSTALLED.isdisjoint(paths[0].parts):
            return not any(paths[0].is_relative_to(folder) for folder in _PYTHONS)
        return spec.name in self._installed_packages

    @cached_property
    def _installed_packages(self) -> set[str]:
        """The top-level packages of the distribution that the project's pyproject.toml names."""
        try:
            settings = tomllib.loads((self._root / "pyproject.toml").read_text("utf-8"))
        except (OSError, ValueError):
            return set()
        project = settings.get("project")
        own = _normal(str(project.get("name", ""))) if isinstance(project, dict) else ""
        return {
            package
            for package, names in importlib.metadata.packages_distributions().items()
            if own in map(_normal, names)
        }


def _normal(name: str) -> str:
    """Return a distribution's name in one spelling (as PEP 503, with underscores)."""
    return re.sub(r"[-_.]+", "_", name).lower()
