"""Whether frames and classes are what they are called.

A name is a claim: any code can be compiled under the file name, with the globals and the
qualified name of another. The files of the interpreter are the client's to read, not to write.
"""

from __future__ import annotations

import _imp
import builtins
import sys
from _frozen_importlib_external import SourceFileLoader
from posix import O_CLOEXEC, O_RDONLY, close, fstat, stat
from posix import open as open_file

from .text import class_dict, mro

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FrameType
    from typing import Any

_CODE = type((lambda: None).__code__)
_MODULE = type(sys)
_CO_OPTIMIZED = 1
"""A flag of functions' code that the body of a class has not."""
_CO_ITERABLE_COROUTINE = 0x100
"""The flag that `types.coroutine` adds to the code of what it decorates."""
_BOOTSTRAP = ("importlib._bootstrap", "importlib._bootstrap_external")
_INSTALLED = ("/site-packages", "/dist-packages")
_namespace_of = type.__dict__["__dict__"].__get__(_MODULE)["__dict__"].__get__


class Library:
    """The modules on the path that the interpreter started with; made before the client runs."""

    def __init__(self) -> None:
        # A client may run out of descriptors, and that may be what it reports.
        self._spare = open_file("/dev/null", O_RDONLY | O_CLOEXEC)
        self._null = fstat(self._spare).st_rdev
        self._folders = [folder for folder in sys.path if type(folder) is str]
        self._builtins = dict(vars(builtins))
        # These are compiled into the interpreter, and not quite what their files have.
        self._modules: dict[str, _Module | None] = dict.fromkeys(_BOOTSTRAP)

    def module(self, name: str) -> _Module | None:
        """The module of that name as its file has it, or None where there is no such file."""
        if name not in self._modules:
            self._modules[name] = self._find(name)
        return self._modules[name]

    def _find(self, name: str) -> _Module | None:
        relative = name.replace(".", "/")
        for folder in self._folders:
            for path in (f"{folder}/{relative}.py", f"{folder}/{relative}/__init__.py"):
                if _exists(path):
                    self._free_spare()
                    return _read(name, path)
        return None

    def _free_spare(self) -> None:
        """Its number may be something else of the client's by now."""
        spare, self._spare = self._spare, -1
        try:
            if spare >= 0 and fstat(spare).st_rdev == self._null:
                close(spare)
        except OSError:
            return

    def name(self, place: Place) -> str:
        """The qualified name of a function."""
        known: str | None = getattr(place.code, "co_qualname", None)  # from 3.11 on
        if known is not None:
            return known
        module = self.module(place.module)
        key = (place.code.co_name, place.code.co_firstlineno)
        return place.code.co_name if module is None else module.names.get(key, key[0])

    def is_genuine(self, place: Place) -> bool | None:
        """False for code that has the name of a module's function and is not of that module;
        None where the module's file can't be read.

        What a module makes at run time (methods of dataclasses, lambdas of named tuples) is in no
        file, and has no name of one that is.
        """
        module = self.module(place.module)
        name = self.name(place)
        if module is None or name.rpartition(".")[2].startswith("<"):
            return True
        if module.unreadable:
            return None
        if not module.holds(place.code):
            return name not in module.qualnames
        return module.installed or place.at_home

    def is_called_so(self, kind: type, module: object, qualname: str) -> bool:
        """Whether a class can be found under its own name."""
        if type(module) is not str or module == "__main__" or "<locals>" in qualname:
            return True
        found = self._builtins if module == "builtins" else namespace(module) or {}
        *outer, last = qualname.split(".")
        for part in outer:
            inner = found.get(part)
            found = class_dict(inner) if isinstance(inner, type) else {}
        if module != "builtins" and any(value is kind for value in found.values()):
            return True  # signal.ItimerError calls itself itimer_error
        own = self.module(module)
        known = module == "builtins" or (own is not None and not own.installed)
        return found.get(last, None if known else kind) is kind


class Place:
    """A function and the module that it says it is of; `at_home` where its globals are those."""

    def __init__(self, frame: FrameType) -> None:
        name = dict.get(frame.f_globals, "__name__")
        self.module: str = name if type(name) is str else "?"
        self.code = frame.f_code
        self.at_home = frame.f_globals is namespace(self.module)


def namespace(name: str) -> dict[str, Any] | None:
    """The globals of an imported module, whatever its class makes of attributes."""
    module = sys.modules.get(name)
    if module is None or _MODULE not in mro(type(module)):
        return None
    found: dict[str, Any] = _namespace_of(module)
    return found


def _exists(path: str) -> bool:
    try:
        stat(path)
    except (OSError, ValueError):
        return False
    return True


def _read(name: str, path: str) -> _Module:
    try:
        code = SourceFileLoader(name, path).get_code(name)
    except (OSError, ImportError, SyntaxError, ValueError, EOFError, MemoryError):
        code = None
    if code is None:
        return _Module([], installed=False)
    # What is compiled into the interpreter can differ from the file in details of the bytecode.
    frozen = [_imp.get_frozen_object(name)] if _imp.is_frozen(name) else []
    return _Module([code, *frozen], installed=any(part in path for part in _INSTALLED))


class _Module:
    """`installed` beside the standard library: such a module may do with itself as it likes."""

    def __init__(self, codes: list[CodeType], *, installed: bool) -> None:
        self.installed = installed
        self.unreadable = not codes
        self.names: dict[tuple[str, int], str] = {}
        self._codes: dict[tuple[str, int], list[CodeType]] = {}
        for name, inner in [found for code in codes for found in _walk(code)]:
            key = (inner.co_name, inner.co_firstlineno)
            self.names.setdefault(key, name)
            self._codes.setdefault(key, []).append(inner)
        self.qualnames = frozenset(self.names.values())

    def holds(self, code: CodeType) -> bool:
        """Whether that code is in the file, wherever it is said to be from."""
        wanted = _content(code)
        candidates = self._codes.get((code.co_name, code.co_firstlineno), ())
        return any(_content(one) == wanted for one in candidates)


def _walk(code: CodeType) -> list[tuple[str, CodeType]]:
    """All code within, with what 3.11 has as `co_qualname`."""
    found: list[tuple[str, CodeType]] = []
    todo = [(code, "")]
    while todo:
        outer, prefix = todo.pop()
        for inner in outer.co_consts:
            if type(inner) is _CODE:
                name = prefix + inner.co_name
                found.append((name, inner))
                local = inner.co_flags & _CO_OPTIMIZED
                todo.append((inner, f"{name}.<locals>." if local else f"{name}."))
    return found


def _content(code: CodeType) -> tuple[object, ...]:
    """What a code object does, but for the code inside it. `co_code` is as it was compiled,
    whatever the interpreter has made of it since.
    """
    return (
        getattr(code, "co_qualname", None),
        code.co_code,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        code.co_argcount,
        code.co_kwonlyargcount,
        code.co_flags & ~_CO_ITERABLE_COROUTINE,
        _plain(code.co_consts),
    )


def _plain(constant: object) -> object:
    if type(constant) is _CODE:
        return constant.co_name
    if type(constant) is tuple:
        return tuple([_plain(item) for item in constant])
    if type(constant) in {float, complex}:
        return repr(constant)  # nan is not equal to itself
    return (type(constant), constant)
