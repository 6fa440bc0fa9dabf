"""An import finder for the project's modules, which are in memory.

It runs in the client's container, with the standard library of Python 3.9 alone.
"""

from __future__ import annotations

import sys
from importlib.machinery import SourceFileLoader
from importlib.util import spec_from_file_location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.machinery import ModuleSpec
    from typing import Any


class _Loader(SourceFileLoader):
    """A loader of one source text. There is no file, and so no bytecode file either."""

    def __init__(self, name: str, file: str, source: str) -> None:
        """Take the module's name, the name of its file for tracebacks, and its source."""
        super().__init__(name, file)
        self._source = source.encode("utf-8", "backslashreplace")

    def get_data(self, path: Any) -> bytes:  # noqa: ARG002 each loader has one file
        """Return the module's source."""
        return self._source

    def path_stats(self, path: Any) -> Any:
        """Raise OSError: there is no file."""
        raise OSError(path)


class _Finder:
    """A finder of the bundled modules alone."""

    def __init__(self, modules: Mapping[str, tuple[str, str]]) -> None:
        """Take file name and source of each module, by its name."""
        self._modules = modules

    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        """Return the spec of a bundled module, or None."""
        if name not in self._modules:
            return None
        file, source = self._modules[name]
        return spec_from_file_location(name, file, loader=_Loader(name, file, source))


def install(modules: Mapping[str, tuple[str, str]]) -> None:
    """Make modules importable, each given as its file name and source. Changes sys.meta_path.

    They take precedence over all other modules of the same names.
    """
    sys.meta_path.insert(0, _Finder(modules))
