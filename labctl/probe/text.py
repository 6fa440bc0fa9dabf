"""Values of the client's as bounded text: exact built-in types, nothing of the client's runs."""

from __future__ import annotations

from .jsonio import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    Scalar: TypeAlias = int | float | bool | str | None

LONGEST = 4096
_NAME = 200
_PLAIN_SIZE = 64 * 1024
_INT_BITS = 64


class Budget:
    """Room left in a report, in bytes of JSON."""

    def __init__(self, room: int) -> None:
        self.room = room

    def text(self, text: str) -> str:
        """The text, or as much of its head as there is room for; UTF-8 can encode it."""
        head = text.encode("utf-8", "backslashreplace").decode("utf-8")
        size = len(dumps(head))
        if size > self.room:
            head = head[: max(0, (self.room - 2) // 12)]  # \ud83d\ude00 is one, in quotes
            size = len(dumps(head))
        self.room -= size
        return head

    def scalar(self, value: Scalar) -> Scalar:
        return self.text(value) if type(value) is str else value

    def spend(self, size: int) -> bool:
        """Take that much for what isn't text; False if there isn't as much."""
        if size > self.room:
            return False
        self.room -= size
        return True


class Later:
    """What has yet to be filled in, because the client's own code may run: messages and reprs."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self._todo: list[tuple[dict[str, Any], str, str, Callable[[], str]]] = []

    def __bool__(self) -> bool:
        return bool(self._todo)

    def add(self, target: dict[str, Any], key: str, name: str, compute: Callable[[], str]) -> None:
        """`target[key]` will be what `compute` returns; `name` says in errors what that was."""
        target[key] = None
        self._todo.append((target, key, name, compute))

    def resolve(self) -> None:
        todo, self._todo = self._todo, []
        for target, key, name, compute in todo:
            target[key] = self.budget.text(_guarded(name, compute))


def _guarded(name: str, compute: Callable[[], str]) -> str:
    try:
        return tidy(compute())
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the client's
        return f"<{name}() raised {qualified_name(type(error))}>"


def cut(text: str, longest: int) -> str:
    """An exact str of that many characters at most, whatever subclass the text is of."""
    more = str.__len__(text) - longest
    head = str.__getitem__(text, slice(longest))
    return f"{head}[... {more} more characters]" if more > 0 else head


def tidy(text: str) -> str:
    """The text, cut, without what differs from build to build and from run to run.

    That is `(_ssl.c:1000)`, and the address in `<Foo object at 0x7f5a>`.
    """
    text = cut(text, LONGEST)
    text = _without(text, " (_ssl.c:", "0123456789", ")")
    return _without(text, " at 0x", "0123456789abcdef", "")


def _without(text: str, start: str, middle: str, end: str) -> str:
    at = text.find(start)
    while at >= 0:
        stop = at + len(start)
        while stop < len(text) and text[stop] in middle:
            stop += 1
        if text.startswith(end, stop):
            text = text[:at] + text[stop + len(end) :]
            stop = at
        at = text.find(start, stop)
    return text


def is_plain(value: Any) -> bool:
    """Whether str and repr of the value are quick, and run no code of the client's."""
    if type(value) in {str, bytes}:
        return len(value) <= _PLAIN_SIZE
    if type(value) is int:
        return value.bit_length() <= _INT_BITS
    return value is None or type(value) in {bool, float}


def scalar(value: Any) -> tuple[bool, Scalar]:
    """(True, a JSON scalar that stands for the value), or (False, None) if there is none.

    An enum's member counts as its number; bytes and floats that JSON lacks are their repr.
    """
    kind = type(value)
    if value is None or kind is bool:
        return True, value
    if issubclass(kind, str):
        return True, tidy(value)
    if kind is bytes:
        return True, repr(value[:LONGEST])
    if issubclass(kind, int):
        number = int.__add__(value, 0)
        bits = number.bit_length()
        return True, number if bits <= _INT_BITS else f"<int of {bits} bits>"
    if issubclass(kind, float):
        real = float.__add__(value, 0.0)
        return True, real if real - real == 0 else repr(real)
    return False, None


_mro = type.__dict__["__mro__"].__get__
_module = type.__dict__["__module__"].__get__
_qualname = type.__dict__["__qualname__"].__get__
_dict = type.__dict__["__dict__"].__get__


def mro(kind: type) -> tuple[type, ...]:
    """`__mro__`, whatever the metaclass makes of that."""
    found: tuple[type, ...] = _mro(kind)
    return found


def class_dict(kind: type) -> dict[str, Any]:
    """What a class itself defines, as a copy."""
    return dict(_dict(kind))


def name_parts(kind: type) -> tuple[object, str]:
    """`__module__`, which may be anything, and `__qualname__`."""
    try:
        module = _module(kind)
    except AttributeError:
        module = None
    return module, cut(_qualname(kind), _NAME)


def qualified_name(kind: type) -> str:
    """`module.Name`, built-ins bare."""
    module, name = name_parts(kind)
    if type(module) is not str or module == "builtins":
        return name
    return f"{cut(module, _NAME)}.{name}"
