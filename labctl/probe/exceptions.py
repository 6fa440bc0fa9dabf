"""Descriptions of exceptions: type, bases, attributes, message, and those they are chained to."""

from __future__ import annotations

import builtins
import errno
import sys

from .origin import origin_of
from .text import (
    Budget,
    DeferredTexts,
    class_dict,
    is_plain,
    mro,
    name_parts,
    qualified_name,
    scalar,
    shorten,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, TypeAlias

    from .genuine import ModuleFiles
    from .stack import StackReader
    from .text import Scalar

    Info: TypeAlias = dict[str, Any]

DEPTH = 16
"""How far causes, contexts and groups are followed."""
MEMBERS = 16
"""The most members of a group that are described."""
_EXCEPTIONS_LIMIT = 64
_ATTRS_LIMIT = 32
_NAME_LIMIT = 100
_EXCEPTION_JSON = 200
"""The bytes of JSON that a chained exception takes beside its texts."""
_SLOT = type(BaseException.__dict__["__str__"])
_C_ATTRIBUTES = (
    type(OSError.__dict__["errno"]),
    type(OSError.__dict__["characters_written"]),
)
_GROUP: type | None = getattr(builtins, "BaseExceptionGroup", None)  # from 3.11 on
_LEFT_OUT = frozenset({"args", "exceptions", "obj", "object", "print_file_and_line"})
_COMPUTED = ("reason", "status")
"""Attributes worth having that some classes of the standard library compute (HTTPError does)."""
_INTERRUPTED = 130
"""CPython's exit code after KeyboardInterrupt."""
_HOST_ERRORS = {1: "HOST_NOT_FOUND", 2: "TRY_AGAIN", 3: "NO_RECOVERY", 4: "NO_DATA"}

_args = BaseException.__dict__["args"].__get__
_cause = BaseException.__dict__["__cause__"]
_context = BaseException.__dict__["__context__"]
_suppressed = BaseException.__dict__["__suppress_context__"].__get__
_traceback = BaseException.__dict__["__traceback__"].__get__
_instance_dict = BaseException.__dict__["__dict__"].__get__


class Describer:
    """Describes an exception with its causes, contexts and groups.

    Whatever may run the client's code is put into `deferred`.
    """

    def __init__(self, budget: Budget, deferred: DeferredTexts, stacks: StackReader) -> None:
        """Take the room that is left, the texts to fill in later, and the reader of stacks."""
        self._budget = budget
        self._stacks = stacks
        self._deferred = deferred
        self._seen: set[int] = set()

    def describe(self, error: BaseException) -> Info:
        """Return labctl.model.result.ExceptionInfo as a dict. Call it only once for each
        Describer.
        """
        info = self._describe(error, 1)
        assert info is not None, "the first one always has room"  # noqa: S101
        return info

    def _describe(self, error: BaseException, depth: int) -> Info | None:
        """Return the description, or None if there is no room for one more."""
        if depth > 1 and not self._has_room(depth):
            return None
        self._seen.add(id(error))
        bases = [self._budget.text(name) for name in _bases(error, self._stacks.module_files)]
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
            info[key] = self._describe_linked(other, depth, info)
        info["group"] = self._group(error, depth, info)
        return info

    def _has_room(self, depth: int) -> bool:
        """Tell whether one more exception may be described, and use up room for it."""
        return (
            depth <= DEPTH
            and len(self._seen) < _EXCEPTIONS_LIMIT
            and self._budget.spend(_EXCEPTION_JSON)
        )

    def _describe_linked(self, other: BaseException | None, depth: int, info: Info) -> Info | None:
        """Describe a cause, a context or a member of a group. Return None if there is none, if it
        was described already, or if there is no room; only the last is counted.
        """
        if other is None or id(other) in self._seen:
            return None
        description = self._describe(other, depth + 1)
        if description is None:
            info["omitted"] += _length_of_chain(other, self._seen)
        return description

    def _group(self, error: BaseException, depth: int, info: Info) -> list[Info] | None:
        """Describe the members of an exception group. Return None if it is none."""
        members = members_of(error)
        if members is None:
            return None
        described = [self._describe_linked(member, depth, info) for member in members[:MEMBERS]]
        info["omitted"] += len(members[MEMBERS:])
        return [member for member in described if member is not None]

    def _message(self, error: BaseException, info: Info, plain: bool) -> None:
        """Add an exception's message. One that the client's own code makes is made later."""
        if plain and type(_defined(type(error), "__str__")) is _SLOT:
            info["message"] = self._budget.scalar(scalar(str(error))[1])
        else:
            self._deferred.add(info, "message", "str", lambda: str(error))

    def _attrs(self, error: BaseException) -> tuple[dict[str, Any], bool]:
        """Return the attributes, and whether a built-in `__str__` runs only built-in code."""
        attrs: dict[str, Any] = {}
        fixed = _c_attributes(error)
        own = _instance_dict(error)
        for name, value in [*fixed.items(), *dict.items(own)]:
            if type(name) is str and _is_shown(name) and len(attrs) < _ATTRS_LIMIT:
                self._attr(attrs, self._budget.text(shorten(name, _NAME_LIMIT)), value)
        for name in _COMPUTED:
            if name not in attrs and type(_defined(type(error), name)) is property:
                self._deferred.add(attrs, name, name, lambda name=name: str(getattr(error, name)))  # type: ignore[misc]
        return attrs, all(is_plain(value) for value in (*fixed.values(), *_args(error)))

    def _attr(self, attrs: dict[str, Any], name: str, value: object) -> None:
        """Add an attribute's value. A `repr` that the client's own code makes is made later."""
        simple, stand_in = scalar(value)
        if simple:
            attrs[name] = self._budget.scalar(stand_in)
        else:
            self._deferred.add(attrs, name, "repr", lambda: repr(value))


def _is_shown(name: str) -> bool:
    """Tell whether an attribute of this name is reported."""
    return not name.startswith("_") and name not in _LEFT_OUT


def _bases(error: BaseException, module_files: ModuleFiles) -> list[str]:
    """Return the qualified names of its type and of the bases of this, its own first."""
    kinds = [kind for kind in mro(type(error)) if kind is not object]
    return [_true_name(kind, module_files) for kind in kinds[:_ATTRS_LIMIT]]


def _true_name(kind: type, module_files: ModuleFiles) -> str:
    """Return a class's full name. A class that can't be found under its own name counts as one of
    the client's, in `__main__`.
    """
    if module_files.has_true_name(kind, *name_parts(kind)):
        return qualified_name(kind)
    return f"__main__.{name_parts(kind)[1]}"


def _defined(kind: type, name: str) -> object:
    """Return what a class defines by that name, or else the first of its bases that defines it."""
    return next((d[name] for d in map(class_dict, mro(kind)) if name in d), None)


def _c_attributes(error: BaseException) -> dict[str, Any]:
    """Return the attributes that C code or `__slots__` define. Those that are None are left out,
    but for errno.
    """
    attributes: dict[str, Any] = {}
    for kind in mro(type(error)):
        for name, attribute in class_dict(kind).items():
            if type(attribute) in _C_ATTRIBUTES and _is_shown(name):
                try:
                    value = attribute.__get__(error)
                except AttributeError:
                    continue
                if value is not None or name == "errno":
                    attributes.setdefault(name, value)
    return attributes


def symbols(bases: list[str], attrs: dict[str, Scalar]) -> dict[str, str]:
    """Return {"errno": NAME}, or nothing. Each family of exceptions numbers errno differently."""
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
    """Return the name of a module's constant by its prefix and value, or None."""
    namespace = vars(sys.modules.get(module, errno))
    return next((n for n, v in namespace.items() if n.startswith(prefix) and v == number), None)


def traceback_of(error: BaseException) -> TracebackType | None:
    """Return `__traceback__` of an exception, even if its class has another attribute of
    that name.
    """
    traceback: TracebackType | None = _traceback(error)
    return traceback


def cause_of(error: BaseException) -> BaseException | None:
    """Return the exception that it was raised from (`raise ... from`)."""
    cause: BaseException | None = _cause.__get__(error)
    return cause


def context_of(error: BaseException) -> BaseException | None:
    """Return the exception that was being handled when this one was raised; None if a traceback
    wouldn't show it.
    """
    context: BaseException | None = _context.__get__(error)
    return None if _suppressed(error) or context is cause_of(error) else context


def members_of(error: BaseException) -> tuple[BaseException, ...] | None:
    """Return the exceptions in a group; None for any other exception."""
    if _GROUP is None or not issubclass(type(error), _GROUP):
        return None
    members: tuple[BaseException, ...] = _GROUP.__dict__["exceptions"].__get__(error)
    return members


def _length_of_chain(error: BaseException | None, seen: set[int]) -> int:
    """Return how many exceptions there are from this one on, along cause or else context, up to the
    first one that was seen. Leaves `seen` unchanged.
    """
    passed = set(seen)
    while error is not None and id(error) not in passed:
        passed.add(id(error))
        error = cause_of(error) or context_of(error)
    return len(passed) - len(seen)


def exit_code_of(error: BaseException) -> int:
    """Return the exit code that CPython has after an exception that nobody caught."""
    if isinstance(error, KeyboardInterrupt):
        return _INTERRUPTED
    if not isinstance(error, SystemExit):
        return 1
    code = SystemExit.__dict__["code"].__get__(error)
    if code is None:
        return 0
    return code & 0xFF if isinstance(code, int) else 1
