"""The modules and the third-party libraries that a client imports."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Collection, Iterable, Iterator

from labctl.model.libraries import libraries, libraries_with_modules

_STANDARD = frozenset({
    "asyncio", "concurrent", "email", "ftplib", "http", "imaplib", "json", "logging",
    "multiprocessing", "poplib", "select", "selectors", "smtplib", "socket", "socketserver", "ssl",
    "subprocess", "threading", "typing", "urllib", "xmlrpc",
})  # fmt: skip
"""Packages of the standard library that network clients import, and that do nothing else when they
are imported.
"""


def libraries_in(source: str) -> tuple[str, ...]:
    """Return the names of the third-party libraries that a source imports, wherever in it.

    Returns none for a source that is not valid Python: it reports that itself when it is run.
    """
    return _libraries_among(_imported(ast.walk(_parse(source))))


def modules_to_preload(source: str, requires: Iterable[str]) -> tuple[str, ...]:
    """Return the modules that can be imported before the client's code runs.

    These are the libraries that it `requires` or imports anywhere; and of the standard library,
    those that it imports before it does anything else. No module is among them whose import could
    run code of the client's.
    """
    tree = _parse(source)
    standard = [name for name in _imported(_leading_imports(tree)) if _is_in(name, _STANDARD)]
    imported = list(_imported(ast.walk(tree)))
    names = (*requires, *_libraries_among(imported))
    modules = [libraries()[name].module for name in names]
    parts = [name for name in imported if _is_in(name, modules)]
    return tuple(dict.fromkeys([*standard, *modules, *parts]))


def _libraries_among(modules: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the third-party libraries that modules belong to."""
    tops = {name.partition(".")[0] for name in modules} - _STANDARD
    return libraries_with_modules(tops) if tops else ()


def _is_in(module: str, packages: Collection[str]) -> bool:
    """Tell whether a module is a public one of these packages. `__main__` of a package is none."""
    parts = module.split(".")
    return parts[0] in packages and not any(part.startswith("_") for part in parts)


def _parse(source: str) -> ast.Module:
    """Parse a source. Return an empty one if it is not valid Python."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of its strings, say
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module(body=[], type_ignores=[])


def _leading_imports(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the import statements at the top of a program, up to the first other statement."""
    for number, node in enumerate(tree.body):
        is_docstring = number == 0 and ast.get_docstring(tree, clean=False) is not None
        if not isinstance(node, ast.Import | ast.ImportFrom) and not is_docstring:
            return
        yield node


def _imported(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the modules that the import statements among these nodes name."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""
