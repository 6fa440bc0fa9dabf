"""The source text of a client, in which lines keep their numbers as far as that goes: tracebacks
name them.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

from labctl.plugin.ship.project import Module

_REMOTE = Path(__file__).with_name("remote.py")
_FUTURE = "from __future__ import annotations"
"""So that annotations need not be sent."""


def laid_out(lines: Mapping[int, list[str]], modules: Mapping[str, Module], last: str) -> str:
    """Statements by the lines that they come from, and an expression at the end."""
    text = [_FUTURE, *_importer(modules)]
    out, simple = ["; ".join(text)], True
    for line, statements in sorted(lines.items()):
        for statement in statements:
            is_simple = _is_simple(statement)
            if simple and is_simple and line <= len(out):
                out[-1] += f"; {statement}"
            else:
                out += [""] * (line - 1 - len(out))
                out += statement.split("\n")
            simple = is_simple
    return "\n".join([*out, last, ""])


def after_future(source: str, tree: ast.Module, modules: Mapping[str, Module]) -> str:
    """A script that has the modules imported; without any, it is as it was. What must come first
    in it, its docstring and imports from __future__, still does.
    """
    if not modules:
        return source
    line = max([0, *(one.end_lineno or 0 for one in tree.body if _comes_first(one, tree))])
    lines = source.split("\n")
    return "\n".join([*lines[:line], "; ".join(_importer(modules)), *lines[line:]])


def _importer(modules: Mapping[str, Module]) -> list[str]:
    if not modules:
        return []
    sent = {name: (one.file, one.source) for name, one in modules.items()}
    return [
        "_labctl = {'__name__': '__main__'}",  # whose frames are the client's own
        f"exec(compile({_REMOTE.read_text('utf-8')!r}, 'labctl', 'exec'), _labctl)",
        f"_labctl['install']({sent!r})",
        "del _labctl",
    ]


def _comes_first(node: ast.stmt, tree: ast.Module) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "__future__"
    return node is tree.body[0] and isinstance(node, ast.Expr)


def _is_simple(statement: str) -> bool:
    """Whether another one can stand behind it in the same line."""
    return "\n" not in statement and not isinstance(
        ast.parse(statement).body[0], (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    )
