"""Python source text that is generated: values, and whole clients.

In a client's text, lines keep their numbers as far as possible, because tracebacks name them.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

from labctl.plugin.bundle.project import Module

_REMOTE = Path(__file__).with_name("remote.py")
_FUTURE = "from __future__ import annotations"
"""With it, annotations are not evaluated, and what they name need not be sent."""
_SCALARS = {bool, bytes, complex, float, int, str, type(None)}
_COLLECTIONS = {list, set, tuple}


def literal(value: object) -> str | None:
    """Return the source text of a plain value; None if it is not a plain value.

    Plain values are texts, numbers, None, and lists, tuples, sets and dicts of them. Instances of
    subclasses are not plain.
    """
    try:
        text = repr(value) if _is_plain(value) else ""
        return text if text and ast.literal_eval(text) == value else None
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None  # such as nan, which has no literal


def client_text(
    statements: Mapping[int, list[str]], modules: Mapping[str, Module], last: str
) -> str:
    """Return a client that imports `modules`, has `statements` by their line, and ends with `last`.

    `last` is an expression: its value is what the client returns.
    """
    text = [_FUTURE, *_importer(modules)]
    out, can_append = ["; ".join(text)], True
    for line, at_line in sorted(statements.items()):
        for statement in at_line:
            is_simple = _is_simple(statement)
            if can_append and is_simple and line <= len(out):
                out[-1] += f"; {statement}"
            else:
                out += [""] * (line - 1 - len(out))
                out += statement.split("\n")
            can_append = is_simple
    return "\n".join([*out, last, ""])


def script_text(source: str, tree: ast.Module, modules: Mapping[str, Module]) -> str:
    """Return a script that can import `modules`; without modules, it is unchanged.

    The docstring and the imports from __future__ stay first, as Python requires.
    """
    if not modules:
        return source
    line = max([0, *(one.end_lineno or 0 for one in tree.body if _must_be_first(one, tree))])
    lines = source.split("\n")
    return "\n".join([*lines[:line], "; ".join(_importer(modules)), *lines[line:]])


def _importer(modules: Mapping[str, Module]) -> list[str]:
    """Return the statements that make modules importable in the container; none without modules."""
    if not modules:
        return []
    sources = {name: (one.file, one.source) for name, one in modules.items()}
    return [
        "_labctl = {'__name__': '__main__'}",  # the probe takes its frames for the client's own
        f"exec(compile({_REMOTE.read_text('utf-8')!r}, 'labctl', 'exec'), _labctl)",
        f"_labctl['install']({sources!r})",
        "del _labctl",
    ]


def _must_be_first(node: ast.stmt, tree: ast.Module) -> bool:
    """Tell whether a statement is the docstring or an import from __future__."""
    if isinstance(node, ast.ImportFrom):
        return node.module == "__future__"
    return node is tree.body[0] and isinstance(node, ast.Expr)


def _is_simple(statement: str) -> bool:
    """Tell whether another statement can follow in the same line."""
    return "\n" not in statement and not isinstance(
        ast.parse(statement).body[0], (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    )


def _is_plain(value: object) -> bool:
    """Tell whether a value and all in it are of plain types, subclasses excluded."""
    if isinstance(value, dict):
        return type(value) is dict and all(map(_is_plain, (*value, *value.values())))
    if isinstance(value, (list, set, tuple)):
        return type(value) in _COLLECTIONS and all(map(_is_plain, value))
    return type(value) in _SCALARS
