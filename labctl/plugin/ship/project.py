"""Whose a module is: Python's, a library's that client images can have, the project's own."""

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
_NEVER = {"labctl", "pytest", "_pytest"}
"""What tests are made with is nobody's project, wherever it stands."""


class Whose(Enum):
    """`FOREIGN` is what is here and can't be in the container, `NOBODYS` what isn't even here."""

    PYTHON = auto()
    LIBRARY = auto()
    PROJECT = auto()
    FOREIGN = auto()
    NOBODYS = auto()


@dataclass(frozen=True, kw_only=True)
class Module:
    """A module of the project. `file` is its path as tracebacks show it; `package` is what its
    relative imports begin at.
    """

    name: str
    file: str
    source: str
    path: Path
    package: str


class Project:
    """The modules that can be imported here. `folders` come before those of sys.path, and
    `libraries` are the names of packages that client images can have.
    """

    def __init__(self, root: Path, libraries: Iterable[str], folders: Sequence[Path] = ()) -> None:
        self._root = root
        self._libraries = {_normal(name) for name in libraries}
        self._folders = [str(folder) for folder in folders]
        self._found: dict[str, ModuleSpec | None] = {}

    def whose(self, name: str) -> Whose:
        """Whose the module of that name is, as the first part of its name tells."""
        top = name.partition(".")[0]
        spec = self._spec(top)
        if spec is not None and top not in _NEVER and self._is_own(spec):
            return Whose.PROJECT
        if top == "__main__" or top in sys.stdlib_module_names:
            return Whose.PYTHON
        if _normal(top) in self._libraries:
            return Whose.LIBRARY
        return Whose.NOBODYS if spec is None else Whose.FOREIGN

    def module(self, name: str) -> Module | None:
        """The project's module of that name, None where it has none. InputError for one that is
        not written in Python.
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
        return str(path.relative_to(self._root) if path.is_relative_to(self._root) else path)

    def _spec(self, name: str) -> ModuleSpec | None:
        if name not in self._found:
            parent = name.rpartition(".")[0]
            self._found[name] = self._below(name, parent) if parent else self._at_top(name)
        return self._found[name]

    def _at_top(self, name: str) -> ModuleSpec | None:
        beside = PathFinder.find_spec(name, self._folders)
        if beside is not None:
            return beside
        with suppress(ValueError, ImportError):
            return importlib.util.find_spec(name)
        return None

    def _below(self, name: str, parent: str) -> ModuleSpec | None:
        """Without importing the parent, as importlib.util would."""
        above = self._spec(parent)
        if above is None or above.submodule_search_locations is None:
            return None
        return PathFinder.find_spec(name, list(above.submodule_search_locations))

    def _is_own(self, spec: ModuleSpec) -> bool:
        """Whether it stands in the project, and not among what is installed; or is the project
        itself, installed.
        """
        places = [spec.origin] if spec.has_location and spec.origin else []
        paths = [Path(place) for place in places or spec.submodule_search_locations or ()]
        if not paths or not paths[0].is_absolute():
            return False  # built in, or frozen
        if _INSTALLED.isdisjoint(paths[0].parts):
            return not any(paths[0].is_relative_to(folder) for folder in _PYTHONS)
        return spec.name in self._installed_packages

    @cached_property
    def _installed_packages(self) -> set[str]:
        """The packages of the distribution that the project's own pyproject.toml names."""
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
    return re.sub(r"[-_.]+", "_", name).lower()
