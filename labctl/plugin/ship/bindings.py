"""Which statements give a module its names."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from labctl.plugin.ship.imports import Import

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def bound(body: Iterable[ast.stmt]) -> dict[str, list[ast.stmt]]:
    """The names that statements at the top of a module bind, and the statements that do."""
    found: dict[str, list[ast.stmt]] = {}
    for node in _at_top(body):
        for name in _names_bound(node):
            found.setdefault(name, []).append(node)
    return found


def _at_top(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        if isinstance(node, (ast.If, ast.Try, ast.With)):
            inner = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
            handlers = getattr(node, "handlers", [])
            yield from _at_top([*inner, *(each for one in handlers for each in one.body)])


def _names_bound(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, Import):
        yield from (binds(alias, node) for alias in node.names)
    elif isinstance(node, Definition):
        yield node.name
    elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                yield inner.id


def binds(alias: ast.alias, node: Import) -> str:
    """The name that an import gives to what it imports."""
    top = alias.name.partition(".")[0] if isinstance(node, ast.Import) else alias.name
    return alias.asname or top


def binds_top(name: str, node: ast.stmt) -> bool:
    """Whether it is like `import xml.dom`, of which there may be several beside each other."""
    return isinstance(node, ast.Import) and any(
        not alias.asname and alias.name.startswith(f"{name}.") for alias in node.names
    )
