"""The third-party libraries that a client imports."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator

from labctl.model.libraries import libraries_with_modules


def libraries_in(source: str) -> tuple[str, ...]:
    """Return the names of the third-party libraries that a source imports, wherever in it.

    Returns none for a source that is not valid Python: it reports that itself when it is run.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # of its strings, say
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    imported = {name.partition(".")[0] for node in ast.walk(tree) for name in _modules(node)}
    return libraries_with_modules(imported)


def _modules(node: ast.AST) -> Iterator[str]:
    """Yield the modules that an import statement names."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level:
        yield node.module or ""
