"""Has the project's own modules imported from memory. Runs in the client's container: nothing but
the standard library of Python 3.9 is there.
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
    """Has the source; there is no file, and so no bytecode either."""

    def __init__(self, name: str, file: str, source: str) -> None:
        super().__init__(name, file)
        self._source = source.encode("utf-8", "backslashreplace")

    def get_data(self, path: Any) -> bytes:  # noqa: ARG002 there is one file for each loader
        return self._source

    def path_stats(self, path: Any) -> Any:
        raise OSError(path)


class _Finder:
    """Knows no names but those sent."""

    def __init__(self, modules: Mapping[str, tuple[str, str]]) -> None:
        self._modules = modules

    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        if name not in self._modules:
            return None
        file, source = self._modules[name]
        return spec_from_file_location(name, file, loader=_Loader(name, file, source))


def install(modules: Mapping[str, tuple[str, str]]) -> None:
    """Have these modules, each a file and its source, come before all others of their names."""
    sys.meta_path.insert(0, _Finder(modules))
