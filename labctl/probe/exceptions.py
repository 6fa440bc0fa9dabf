"""What an exception says: type, bases, attributes, message, and those it is chained to."""

from __future__ import annotations

import builtins
import errno
import sys

from .origin import origin_of
from .text import Budget, Later, class_dict, cut, is_plain, mro, name_parts, qualified_name, scalar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, TypeAlias

    from .genuine import Library
    from .stack import Stacks
    from .text import Scalar

    Info: TypeAlias = dict[str, Any]

DEPTH = 16
"""How far causes, contexts and groups are followed."""
MEMBERS = 16
_NODES = 64
_ATTRS = 32
_NAME = 100
_NODE_JSON = 200
_SLOT = type(BaseException.__dict__["__str__"])
_C_ATTRIBUTES = (
    type(OSError.__dict__["errno"]),
    type(OSError.__dict__["characters_written"]),
)
_GROUP: type | None = getattr(builtins, "BaseExceptionGroup", None)  # from 3.11 on
_LEFT_OUT = frozenset({"args", "exceptions", "obj", "object", "print_file_and_line"})
_COMPUTED = ("reason", "status")
"""Attributes worth having that some classes of the standard library compute (HTTPError does)."""
_HOST_ERRORS = {1: "HOST_NOT_FOUND", 2: "TRY_AGAIN", 3: "NO_RECOVERY", 4: "NO_DATA"}

_args = BaseException.__dict__["args"].__get__
_cause = BaseException.__dict__["__cause__"]
_context = BaseException.__dict__["__context__"]
_suppressed = BaseException.__dict__["__suppress_context__"].__get__
_traceback = BaseException.__dict__["__traceback__"].__get__
_instance_dict = BaseException.__dict__["__dict__"].__get__


class Describer:
    """Describes one exception and its like; all that may run the client's code goes `later`."""

    def __init__(self, budget: Budget, later: Later, stacks: Stacks) -> None:
        self._budget = budget
        self._stacks = stacks
        self._later = later
        self._seen: set[int] = set()

    def describe(self, error: BaseException) -> Info:
        """As labctl.model.result.ExceptionInfo."""
        info = self._describe(error, 1)
        assert info is not None, "the first one always has room"  # noqa: S101
        return info

    def _describe(self, error: BaseException, depth: int) -> Info | None:
        """None where there is no room for one more."""
        if depth > 1 and not self._has_room(depth):
            return None
        self._seen.add(id(error))
        bases = [self._budget.text(name) for name in _bases(error, self._stacks.library)]
        named = qualified_name(type(error))
        attrs, plain = self._attrs(error)
        info: Info = {
            "type": bases[0],
            "message": None,
            "bases": bases,
            "attrs": attrs,
            "symbols": symbols(bases, attrs),
            "named": "" if named == bases[0] else self._budget.text(named),
            "origin": origin_of(traceback_of(error), self._stacks),
            "omitted": 0,
        }
        self._message(error, info, plain)
        for key, other in (("cause", cause_of(error)), ("context", context_of(error))):
            info[key] = self._linked(other, depth, info)
        info["group"] = self._group(error, depth, info)
        return info

    def _has_room(self, depth: int) -> bool:
        return depth <= DEPTH and len(self._seen) < _NODES and self._budget.spend(_NODE_JSON)

    def _linked(self, other: BaseException | None, depth: int, info: Info) -> Info | None:
        if other is None or id(other) in self._seen:
            return None
        found = self._describe(other, depth + 1)
        if found is None:
            info["omitted"] += _length_of_chain(other, self._seen)
        return found

    def _group(self, error: BaseException, depth: int, info: Info) -> list[Info] | None:
        members = members_of(error)
        if members is None:
            return None
        found = [self._linked(member, depth, info) for member in members[:MEMBERS]]
        info["omitted"] += len(members[MEMBERS:])
        return [member for member in found if member is not None]

    def _message(self, error: BaseException, info: Info, plain: bool) -> None:
        if plain and type(_defined(type(error), "__str__")) is _SLOT:
            info["message"] = self._budget.scalar(scalar(str(error))[1])
        else:
            self._later.add(info, "message", "str", lambda: str(error))

    def _attrs(self, error: BaseException) -> tuple[dict[str, Any], bool]:
        """The attributes, and whether a built-in `__str__` runs nothing of the client's."""
        attrs: dict[str, Any] = {}
        fixed = _c_attributes(error)
        own = _instance_dict(error)
        for name, value in [*fixed.items(), *dict.items(own)]:
            if type(name) is str and _is_shown(name) and len(attrs) < _ATTRS:
                self._attr(attrs, self._budget.text(cut(name, _NAME)), value)
        for name in _COMPUTED:
            if name not in attrs and type(_defined(type(error), name)) is property:
                self._later.add(attrs, name, name, lambda name=name: str(getattr(error, name)))  # type: ignore[misc]
        return attrs, all(is_plain(value) for value in (*fixed.values(), *_args(error)))

    def _attr(self, attrs: dict[str, Any], name: str, value: object) -> None:
        simple, stand_in = scalar(value)
        if simple:
            attrs[name] = self._budget.scalar(stand_in)
        else:
            self._later.add(attrs, name, "repr", lambda: repr(value))


def _is_shown(name: str) -> bool:
    return not name.startswith("_") and name not in _LEFT_OUT


def _bases(error: BaseException, library: Library) -> list[str]:
    """Qualified names of its type and of that one's bases."""
    kinds = [kind for kind in mro(type(error)) if kind is not object]
    return [_true_name(kind, library) for kind in kinds[:_ATTRS]]


def _true_name(kind: type, library: Library) -> str:
    """A class that can't be found under its own name is one of the client's."""
    if library.is_called_so(kind, *name_parts(kind)):
        return qualified_name(kind)
    return f"__main__.{name_parts(kind)[1]}"


def _defined(kind: type, name: str) -> object:
    """What a class or the first of its bases defines by that name."""
    return next((d[name] for d in map(class_dict, mro(kind)) if name in d), None)


def _c_attributes(error: BaseException) -> dict[str, Any]:
    """Attributes that C code or `__slots__` define; only errno where the value is None."""
    found: dict[str, Any] = {}
    for kind in mro(type(error)):
        for name, attribute in class_dict(kind).items():
            if type(attribute) in _C_ATTRIBUTES and _is_shown(name):
                try:
                    value = attribute.__get__(error)
                except AttributeError:
                    continue
                if value is not None or name == "errno":
                    found.setdefault(name, value)
    return found


def symbols(bases: list[str], attrs: dict[str, Scalar]) -> dict[str, str]:
    """The symbolic name of errno, which means something else for each of these families."""
    number = attrs.get("errno")
    if type(number) is not int:
        return {}
    if "socket.gaierror" in bases:
        name = _constant("_socket", "EAI_", number)
    elif "socket.herror" in bases:
        name = _HOST_ERRORS.get(number)
    elif "ssl.SSLError" in bases:
        name = _constant("_ssl", "SSL_ERROR_", number)
    else:
        name = errno.errorcode.get(number) if "OSError" in bases else None
    return {"errno": name} if name else {}


def _constant(module: str, prefix: str, number: int) -> str | None:
    namespace = vars(sys.modules.get(module, errno))
    return next((n for n, v in namespace.items() if n.startswith(prefix) and v == number), None)


def traceback_of(error: BaseException) -> TracebackType | None:
    """`__traceback__`, whatever the class makes of that."""
    traceback: TracebackType | None = _traceback(error)
    return traceback


def cause_of(error: BaseException) -> BaseException | None:
    """What it was raised from."""
    found: BaseException | None = _cause.__get__(error)
    return found


def context_of(error: BaseException) -> BaseException | None:
    """What was being handled when it was raised; None where a traceback wouldn't show it."""
    found: BaseException | None = _context.__get__(error)
    return None if _suppressed(error) or found is cause_of(error) else found


def members_of(error: BaseException) -> tuple[BaseException, ...] | None:
    """The exceptions in a group; None for any other exception."""
    if _GROUP is None or not issubclass(type(error), _GROUP):
        return None
    members: tuple[BaseException, ...] = _GROUP.__dict__["exceptions"].__get__(error)
    return members


def _length_of_chain(error: BaseException | None, seen: set[int]) -> int:
    passed = set(seen)
    while error is not None and id(error) not in passed:
        passed.add(id(error))
        error = cause_of(error) or context_of(error)
    return len(passed) - len(seen)
