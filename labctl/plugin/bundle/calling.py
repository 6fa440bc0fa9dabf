"""The call of a function: which parameters get the target, and which get `args`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labctl.errors import UsageError
from labctl.model.scenario import Target
from labctl.plugin.bundle.source_text import literal

Args = Sequence[object] | Mapping[str, object]
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def call_expression(function: Callable[..., Any], target: Target, args: Args) -> str:
    """Return the expression that calls a function by its name; an async function is run to its end.

    Parameters called `host` and `port` get the target's. If neither is there, the first two
    parameters without a default get them. Raise UsageError if the function can't be called so.
    """
    signature = inspect.signature(function)
    positional, named = _arguments(signature, target, args)
    try:
        signature.bind(*positional, **named)
    except TypeError as error:
        raise _no_such_call(function.__name__, str(error)) from None
    values = [_literal(value) for value in positional]
    values += [f"{name}={_literal(value)}" for name, value in named.items()]
    expression = f"{function.__name__}({', '.join(values)})"
    if inspect.iscoroutinefunction(inspect.unwrap(function)):
        return f"__import__('asyncio').run({expression})"
    return expression


def _arguments(
    signature: inspect.Signature, target: Target, args: Args
) -> tuple[list[object], dict[str, object]]:
    """Return the positional arguments, and the arguments by name."""
    parameters = signature.parameters.values()
    from_target: dict[str, object] = {"host": target.host, "port": target.port}
    named = {one.name: from_target[one.name] for one in parameters if one.name in from_target}
    positions = [one for one in parameters if one.kind in _POSITIONAL and one.name not in named]
    by_name = args if isinstance(args, Mapping) else {}
    free = [one for one in positions if one.default is one.empty and one.name not in by_name]
    first = list(from_target.values()) if len(free) >= len(from_target) and not named else []
    if isinstance(args, Mapping):
        return first, {**named, **args}
    if not named or len(args) > len(positions):
        return [*first, *args], named
    others = {one.name: value for one, value in zip(positions, args, strict=False)}
    return [], {**named, **others}


def _literal(value: object) -> str:
    """Return the source text of an argument. Raise UsageError if it is not a plain value."""
    text = literal(value)
    if text is None:
        raise UsageError(
            f"args= has a value of type {type(value).__name__}, which can't be sent to the "
            "client's container",
            hint="give texts, numbers, None, and lists, tuples, sets and dicts of them",
        )
    return text


def _no_such_call(name: str, reason: str) -> UsageError:
    """Return the error for a function that can't be called with host and port."""
    return UsageError(
        f"{name} can't be called with a host, a port and args=: {reason}",
        hint="name its parameters host and port, or put them first; args= has the other arguments, "
        "in their order or as a dict",
    )
