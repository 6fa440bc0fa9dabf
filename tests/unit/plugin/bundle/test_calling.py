"""How functions are called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from labctl.errors import UsageError
from labctl.model.scenario import Target
from labctl.plugin.bundle.calling import Args, call_expression

TARGET = Target(host="h", port=1)


def none() -> None: ...
def named(host: str, port: int) -> None: ...
def only_host(host: str, tries: int = 3) -> None: ...
def by_name(*, port: int, host: str, path: str = "") -> None: ...
def placed(server: str, number: int) -> None: ...
def one(path: str) -> None: ...
def three(server: str, number: int, path: str) -> None: ...
def last(path: str, host: str, port: int) -> None: ...
def more(server: str, number: int, path: str = "", tries: int = 1) -> None: ...
def beside(a: str, b: str, host: str) -> None: ...
def any_(*args: Any, **named: Any) -> None: ...
async def later(host: str) -> None: ...


@pytest.mark.parametrize(
    ("function", "args", "expression"),
    [
        (none, (), "none()"),
        (named, (), "named(host='h', port=1)"),
        (only_host, (), "only_host(host='h')"),
        (only_host, [5], "only_host(host='h', tries=5)"),
        (by_name, (), "by_name(port=1, host='h')"),
        (by_name, {"path": "/"}, "by_name(port=1, host='h', path='/')"),
        (placed, (), "placed('h', 1)"),
        (placed, {"server": "x", "number": 2}, "placed(server='x', number=2)"),
        (one, ["/"], "one('/')"),
        (three, ["/"], "three('h', 1, '/')"),
        (three, {"path": "/"}, "three('h', 1, path='/')"),
        (last, ["/"], "last(host='h', port=1, path='/')"),
        (more, ["/", 2], "more('h', 1, '/', 2)"),
        (more, {"tries": 2}, "more('h', 1, tries=2)"),
        (any_, [1, {2: (None,)}], "any_(1, {2: (None,)})"),
        (any_, {"a": b"x"}, "any_(a=b'x')"),
        (later, (), "__import__('asyncio').run(later(host='h'))"),
    ],
)
def test_parameters_get_the_target_and_the_arguments(
    function: Callable[..., Any], args: Args, expression: str
) -> None:
    assert call_expression(function, TARGET, args) == expression


@pytest.mark.parametrize(
    ("function", "args", "reason"),
    [
        (one, (), "missing a required argument: 'path'"),
        (none, [1], "too many positional arguments"),
        (named, {"path": 1}, "got an unexpected keyword argument 'path'"),
        (three, (), "missing a required argument: 'path'"),
        (named, [1], "multiple values for argument 'host'"),
        (last, ["/", 2], "multiple values for argument 'host'"),
        (beside, {}, "missing a required argument: 'a'"),
        (placed, [1, 2, 3], "too many positional arguments"),
    ],
)
def test_what_can_not_be_called_so_is_told(
    function: Callable[..., Any], args: Args, reason: str
) -> None:
    with pytest.raises(UsageError) as error:
        call_expression(function, TARGET, args)
    assert str(error.value) == (
        f"{function.__name__} can't be called with a host, a port and args=: {reason}"
    )
    assert error.value.hint == (
        "name its parameters host and port, or put them first; args= has the other arguments, in "
        "their order or as a dict"
    )


def test_a_value_that_no_text_can_say_is_told() -> None:
    with pytest.raises(UsageError) as error:
        call_expression(one, TARGET, [object()])
    assert str(error.value) == (
        "args= has a value of type object, which can't be sent to the client's container"
    )
    assert error.value.hint == (
        "give texts, numbers, None, and lists, tuples, sets and dicts of them"
    )
