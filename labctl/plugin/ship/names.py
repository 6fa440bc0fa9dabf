"""The full names of functions of modules that were sent: before 3.11, Python does not know them."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from labctl.model.result import AttemptResult, Frame, Unhandled
from labctl.plugin.ship.project import Module

_Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def fully_named(result: AttemptResult, modules: Mapping[str, Module]) -> AttemptResult:
    """The result, in which methods of these modules have the names of their classes."""
    seen = result.observed
    if seen is None or not modules:
        return result
    changed = {
        "stack": _named(seen.stack, modules),
        "unhandled": tuple(
            Unhandled(where=one.where, exception=one.exception, stack=_named(one.stack, modules))
            for one in seen.unhandled
        ),
    }
    return result.model_copy(update={"observed": seen.model_copy(update=changed)})


def _named(stack: Sequence[Frame], modules: Mapping[str, Module]) -> tuple[Frame, ...]:
    return tuple(
        frame.model_copy(update={"qualname": _qualname(frame, modules[frame.module].source)})
        if frame.module in modules
        else frame
        for frame in stack
    )


def _qualname(frame: Frame, source: str) -> str:
    """The name of the innermost function around the frame's line, if it is called so."""
    names: list[str] = []
    body: Sequence[ast.AST] = [ast.parse(source)]
    while body:
        around = [node for node in body if _holds(node, frame.line or 0)]
        if around and isinstance(around[0], _Scope):
            names += [
                around[0].name,
                *([] if isinstance(around[0], ast.ClassDef) else ["<locals>"]),
            ]
        body = [child for node in around[:1] for child in ast.iter_child_nodes(node)]
    name = ".".join(names).removesuffix(".<locals>")
    return name if name.rpartition(".")[2] == frame.qualname else frame.qualname


def _holds(node: ast.AST, line: int) -> bool:
    if isinstance(node, ast.Module):
        return True
    first, last = getattr(node, "lineno", 0), getattr(node, "end_lineno", 0) or 0
    return isinstance(node, ast.stmt | ast.excepthandler) and first <= line <= last
