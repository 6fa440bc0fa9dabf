"""Qualified names of functions in bundled modules. Before 3.11, Python does not record them."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from labctl.model.result import AttemptResult, Frame, Unhandled
from labctl.plugin.bundle.project import Module

_Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def with_qualnames(result: AttemptResult, modules: Mapping[str, Module]) -> AttemptResult:
    """Return the result with qualified names (`Class.method`) in its stacks, for `modules`."""
    observation = result.observed
    if observation is None or not modules:
        return result
    changes = {
        "stack": _qualified(observation.stack, modules),
        "unhandled": tuple(
            Unhandled(
                where=one.where, exception=one.exception, stack=_qualified(one.stack, modules)
            )
            for one in observation.unhandled
        ),
    }
    return result.model_copy(update={"observed": observation.model_copy(update=changes)})


def _qualified(stack: Sequence[Frame], modules: Mapping[str, Module]) -> tuple[Frame, ...]:
    """Return the frames, with full qualnames for those in bundled modules."""
    return tuple(
        frame.model_copy(update={"qualname": _qualname(frame, modules[frame.module].source)})
        if frame.module in modules
        else frame
        for frame in stack
    )


def _qualname(frame: Frame, source: str) -> str:
    """Return the qualified name of the function around the frame's line.

    The frame's own name is returned if the source has another function there.
    """
    names: list[str] = []
    body: Sequence[ast.AST] = [ast.parse(source)]
    while body:
        around = [node for node in body if _contains(node, frame.line or 0)]
        if around and isinstance(around[0], _Scope):
            names += [
                around[0].name,
                *([] if isinstance(around[0], ast.ClassDef) else ["<locals>"]),
            ]
        body = [child for node in around[:1] for child in ast.iter_child_nodes(node)]
    name = ".".join(names).removesuffix(".<locals>")
    return name if name.rpartition(".")[2] == frame.qualname else frame.qualname


def _contains(node: ast.AST, line: int) -> bool:
    """Tell whether a statement spans the line."""
    if isinstance(node, ast.Module):
        return True
    first, last = getattr(node, "lineno", 0), getattr(node, "end_lineno", 0) or 0
    return isinstance(node, ast.stmt | ast.excepthandler) and first <= line <= last
