"""The imports of a source: which modules, and whether it works without them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

Import = ast.Import | ast.ImportFrom


@dataclass(frozen=True, kw_only=True)
class ImportedModule:
    """A module that a source imports in one line.

    `names` are what `from ... import` takes from it; they may be modules too. `is_required` says
    whether importing the source fails without the module: it does not if the import is in a
    function or in a `try`.
    """

    module: str
    names: tuple[str, ...] = ()
    line: int
    is_required: bool = True


def imports_of(
    nodes: Iterable[ast.AST], package: str, *, is_required: bool = True
) -> Iterator[ImportedModule]:
    """Yield all imports in some nodes of a source. Relative imports begin at `package`. Imports
    inside functions and `try` are optional; `is_required` says it of the others.
    """
    for node in nodes:
        if isinstance(node, Import):
            yield from statement_imports(node, package, is_required=is_required)
        elif isinstance(node, ast.If) and _is_type_checking(node.test):
            yield from imports_of(node.orelse, package, is_required=is_required)
        else:
            is_optional = isinstance(
                node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.Try)
            )
            children = ast.iter_child_nodes(node)
            yield from imports_of(children, package, is_required=is_required and not is_optional)


def statement_imports(
    node: Import, package: str, *, is_required: bool = True
) -> Iterator[ImportedModule]:
    """Yield the modules that one import statement names."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield ImportedModule(module=alias.name, line=node.lineno, is_required=is_required)
    else:
        names = tuple(alias.name for alias in node.names)
        module = absolute_name(node, package)
        yield ImportedModule(module=module, names=names, line=node.lineno, is_required=is_required)


def absolute_name(node: ast.ImportFrom, package: str) -> str:
    """Return the full name of the module in `from ... import`, its leading dots resolved."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    base = parts[: len(parts) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def _is_type_checking(test: ast.expr) -> bool:
    """Tell whether a condition is TYPE_CHECKING, which is false in every interpreter."""
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
    return name == "TYPE_CHECKING"
