"""How a function is called: which of its parameters get the target, and which the `args`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labctl.errors import UsageError
from labctl.model.scenario import Target
from labctl.plugin.ship.literal import literal

Args = Sequence[object] | Mapping[str, object]
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def call(function: Callable[..., Any], target: Target, args: Args) -> str:
    """The expression that calls it by its name; one that is async is run to its end.

    Parameters called `host` and `port` get the target's. If neither is there, the first two of
    those that have no default get them. UsageError where the function can't be called so.
    """
    signature = inspect.signature(function)
    positional, named = _arguments(signature, target, args)
    try:
        signature.bind(*positional, **named)
    except TypeError as error:
        raise _no_such_call(function.__name__, str(error)) from None
    values = [_text(value) for value in positional]
    values += [f"{name}={_text(value)}" for name, value in named.items()]
    expression = f"{function.__name__}({', '.join(values)})"
    if inspect.iscoroutinefunction(inspect.unwrap(function)):
        return f"__import__('asyncio').run({expression})"
    return expression


def _arguments(
    signature: inspect.Signature, target: Target, args: Args
) -> tuple[list[object], dict[str, object]]:
    """By position, and by name."""
    parameters = signature.parameters.values()
    known: dict[str, object] = {"host": target.host, "port": target.port}
    named = {one.name: known[one.name] for one in parameters if one.name in known}
    places = [one for one in parameters if one.kind in _POSITIONAL and one.name not in named]
    given = args if isinstance(args, Mapping) else {}
    free = [one for one in places if one.default is one.empty and one.name not in given]
    first = list(known.values()) if len(free) >= len(known) and not named else []
    if isinstance(args, Mapping):
        return first, {**named, **args}
    if not named or len(args) > len(places):
        return [*first, *args], named
    others = {one.name: value for one, value in zip(places, args, strict=False)}
    return [], {**named, **others}


def _text(value: object) -> str:
    text = literal(value)
    if text is None:
        raise UsageError(
            f"args= has a value of type {type(value).__name__}, which can't be sent to the "
            "client's container",
            hint="give texts, numbers, None, and lists, tuples, sets and dicts of them",
        )
    return text


def _no_such_call(name: str, reason: str) -> UsageError:
    return UsageError(
        f"{name} can't be called with a host, a port and args=: {reason}",
        hint="call its parameters host and port, or have them come first; args= has the others, in "
        "their order or as a dict",
    )
