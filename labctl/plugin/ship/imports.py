"""What a source imports: which modules, and whether it can do without."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

Import = ast.Import | ast.ImportFrom


@dataclass(frozen=True, kw_only=True)
class Imported:
    """A module that a source imports in that line, and the `names` that it takes from it, which
    may be modules too. It is `needed` if importing the source fails without it: not in a function,
    and not where the source tries.
    """

    module: str
    names: tuple[str, ...] = ()
    line: int
    needed: bool = True


def imports_of(
    nodes: Iterable[ast.AST], package: str, *, needed: bool = True
) -> Iterator[Imported]:
    """All that is imported in some part of a source; `package` is what relative ones begin at."""
    for node in nodes:
        if isinstance(node, Import):
            yield from imported(node, package, needed=needed)
        elif isinstance(node, ast.If) and _is_for_types(node.test):
            yield from imports_of(node.orelse, package, needed=needed)
        else:
            optional = isinstance(
                node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.Try)
            )
            inner = ast.iter_child_nodes(node)
            yield from imports_of(inner, package, needed=needed and not optional)


def imported(node: Import, package: str, *, needed: bool = True) -> Iterator[Imported]:
    """What one statement imports."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Imported(module=alias.name, line=node.lineno, needed=needed)
    else:
        names = tuple(alias.name for alias in node.names)
        module = absolute(node, package)
        yield Imported(module=module, names=names, line=node.lineno, needed=needed)


def absolute(node: ast.ImportFrom, package: str) -> str:
    """The module that `from ... import` names, whatever dots stand before it."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    base = parts[: len(parts) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def _is_for_types(test: ast.expr) -> bool:
    """Whether a condition is TYPE_CHECKING, which is true for no interpreter."""
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
    return name == "TYPE_CHECKING"
