"""Which of the libraries that client images can have a client imports."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from typing import get_args

from labctl.model.scenario import Library

_KNOWN: tuple[Library, ...] = get_args(Library)


def libraries_in(source: str) -> tuple[Library, ...]:
    """Those that stand in an import statement, wherever in the source. None where it is not
    Python: it will say so itself when it is run.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # of its strings, say
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    imported = {name.partition(".")[0] for node in ast.walk(tree) for name in _modules(node)}
    return tuple(name for name in _KNOWN if name in imported)


def _modules(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level:
        yield node.module or ""
