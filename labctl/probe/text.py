"""The client's values as text of bounded length and of exact built-in types.

Only what is in DeferredTexts runs code of the client's.
"""

from __future__ import annotations

from .jsonio import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    Scalar: TypeAlias = int | float | bool | str | None

TEXT_LIMIT = 4096
"""The most characters of a message or a repr."""
_NAME = 200
_PLAIN_SIZE = 64 * 1024
_INT_BITS = 64


class Budget:
    """The room that is left in a report, in bytes of JSON."""

    def __init__(self, room: int) -> None:
        """Take the room, in bytes of JSON."""
        self.room = room

    def text(self, text: str) -> str:
        """Return the text, or as much of its head as there is room for, and take that room.

        UTF-8 can encode what is returned.
        """
        head = text.encode("utf-8", "backslashreplace").decode("utf-8")
        size = len(dumps(head))
        if size > self.room:
            head = head[: max(0, (self.room - 2) // 12)]  # \ud83d\ude00 is one, in quotes
            size = len(dumps(head))
        self.room -= size
        return head

    def scalar(self, value: Scalar) -> Scalar:
        """Return the value; a text as `text` does, anything else without taking room."""
        return self.text(value) if type(value) is str else value

    def spend(self, size: int) -> bool:
        """Take room for what isn't text; return False, and take none, if there isn't enough."""
        if size > self.room:
            return False
        self.room -= size
        return True


class DeferredTexts:
    """Texts of a report that are filled in later, since code of the client's may run for them.

    These are messages and reprs of the client's objects. The budget is the report's.
    """

    def __init__(self, budget: Budget) -> None:
        """Begin without texts. `resolve` takes the room for all of them from the budget, which
        other parts of the report share.
        """
        self.budget = budget
        self._todo: list[tuple[dict[str, Any], str, str, Callable[[], str]]] = []

    def __bool__(self) -> bool:
        """Tell whether there are texts that are not resolved yet."""
        return bool(self._todo)

    def add(self, target: dict[str, Any], key: str, name: str, compute: Callable[[], str]) -> None:
        """Let `resolve` put what `compute` returns into `target[key]`; until then it is None.

        `name` stands in the text if `compute` raises: `<repr() raised ValueError>`.
        """
        target[key] = None
        self._todo.append((target, key, name, compute))

    def resolve(self) -> None:
        """Compute all texts, once. Runs code of the client's; never raises."""
        todo, self._todo = self._todo, []
        for target, key, name, compute in todo:
            target[key] = self.budget.text(_guarded(name, compute))


def _guarded(name: str, compute: Callable[[], str]) -> str:
    """Return what `compute` returns, or a text that says what it raised."""
    try:
        return normalize(compute())
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the client's
        return f"<{name}() raised {qualified_name(type(error))}>"


def shorten(text: str, longest: int) -> str:
    """Return an exact str with the first `longest` characters, and how many more there were.

    The text may be of any subclass of str.
    """
    more = str.__len__(text) - longest
    head = str.__getitem__(text, slice(longest))
    return f"{head}[... {more} more characters]" if more > 0 else head


def normalize(text: str) -> str:
    """Return the text, shortened, without what differs between builds and between runs.

    That is `(_ssl.c:1000)`, and the address in `<Foo object at 0x7f5a>`.
    """
    text = shorten(text, TEXT_LIMIT)
    text = _without(text, " (_ssl.c:", "0123456789", ")")
    return _without(text, " at 0x", "0123456789abcdef", "")


def _without(text: str, start: str, middle: str, end: str) -> str:
    """Return the text without all parts that are `start`, characters of `middle`, and `end`."""
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
    """Return whether str and repr of the value are quick, and run no code of the client's."""
    if type(value) in {str, bytes}:
        return len(value) <= _PLAIN_SIZE
    if type(value) is int:
        return value.bit_length() <= _INT_BITS
    return value is None or type(value) in {bool, float}


def scalar(value: Any) -> tuple[bool, Scalar]:
    """Return True and a JSON scalar that stands for the value, or False and None if there is none.

    A member of an enum counts as its number; bytes, and floats that JSON lacks, are their repr.
    """
    kind = type(value)
    if value is None or kind is bool:
        return True, value
    if issubclass(kind, str):
        return True, normalize(value)
    if kind is bytes:
        return True, repr(value[:TEXT_LIMIT])
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
    """Return `__mro__` of a class, even if its metaclass has another attribute of that name."""
    found: tuple[type, ...] = _mro(kind)
    return found


def class_dict(kind: type) -> dict[str, Any]:
    """Return a copy of what a class itself defines: name -> value."""
    return dict(_dict(kind))


def name_parts(kind: type) -> tuple[object, str]:
    """Return `__module__` of a class, which may be any object, and `__qualname__`."""
    try:
        module = _module(kind)
    except AttributeError:
        module = None
    return module, shorten(_qualname(kind), _NAME)


def qualified_name(kind: type) -> str:
    """Return `module.Name` of a class; the name alone for built-ins."""
    module, name = name_parts(kind)
    if type(module) is not str or module == "builtins":
        return name
    return f"{shorten(module, _NAME)}.{name}"
