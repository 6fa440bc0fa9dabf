"""Whether frames and classes are what their names say.

A name is a claim: any code can be compiled with the file name, the globals and the qualified name
of other code. So frames are compared with the files of the interpreter, which a client can read but
not write.
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
"""The flag that code of functions has, and code of class bodies lacks."""
_CO_ITERABLE_COROUTINE = 0x100
"""The flag that `types.coroutine` adds to the code of a function."""
_BOOTSTRAP = ("importlib._bootstrap", "importlib._bootstrap_external")
_INSTALLED = ("/site-packages", "/dist-packages")
_namespace_of = type.__dict__["__dict__"].__get__(_MODULE)["__dict__"].__get__


class ModuleFiles:
    """The modules on the interpreter's own path, as their files have them.

    Must be made before the client runs, which may change the path. Reads files when asked.
    """

    def __init__(self) -> None:
        """Note the folders of the interpreter's own path, and open a spare descriptor."""
        # A client may run out of descriptors, and that may be what it reports.
        self._spare = open_file("/dev/null", O_RDONLY | O_CLOEXEC)
        self._null = fstat(self._spare).st_rdev
        self._folders = [folder for folder in sys.path if type(folder) is str]
        self._builtins = dict(vars(builtins))
        # These are compiled into the interpreter, and differ a little from their files.
        self._modules: dict[str, _ModuleFile | None] = dict.fromkeys(_BOOTSTRAP)

    def module(self, name: str) -> _ModuleFile | None:
        """Return the module of that name as its file has it, or None if there is no such file."""
        if name not in self._modules:
            self._modules[name] = self._find(name)
        return self._modules[name]

    def _find(self, name: str) -> _ModuleFile | None:
        """Find and read a module's file. Return None if there is none."""
        relative = name.replace(".", "/")
        for folder in self._folders:
            for path in (f"{folder}/{relative}.py", f"{folder}/{relative}/__init__.py"):
                if _exists(path):
                    self._free_spare()
                    return _read(name, path)
        return None

    def _free_spare(self) -> None:
        """Close the spare descriptor, unless the client has put something else in its place."""
        spare, self._spare = self._spare, -1
        try:
            if spare >= 0 and fstat(spare).st_rdev == self._null:
                close(spare)
        except OSError:
            return

    def name(self, function: ClaimedFunction) -> str:
        """Return the qualified name of a function."""
        known: str | None = getattr(function.code, "co_qualname", None)  # from 3.11 on
        if known is not None:
            return known
        module = self.module(function.module)
        key = (function.code.co_name, function.code.co_firstlineno)
        return function.code.co_name if module is None else module.names.get(key, key[0])

    def is_genuine(self, function: ClaimedFunction) -> bool | None:
        """Return False if the code has the name of a module's function, but isn't of that module.

        None means that the module's file can't be read. Functions that a module makes at run time
        (methods of dataclasses, lambdas of named tuples) are in no file. They are believed as long
        as no function in the file has their name.
        """
        module = self.module(function.module)
        name = self.name(function)
        if module is None or name.rpartition(".")[2].startswith("<"):
            return True
        if module.is_unreadable:
            return None
        if not module.holds(function.code):
            return name not in module.qualnames
        return module.is_installed or function.has_own_globals

    def has_true_name(self, kind: type, module: object, qualname: str) -> bool:
        """Return whether a class can be found under its own name, or is one of the client's."""
        if type(module) is not str or module == "__main__" or "<locals>" in qualname:
            return True
        names = self._builtins if module == "builtins" else namespace(module) or {}
        *outer, last = qualname.split(".")
        for part in outer:
            inner = names.get(part)
            names = class_dict(inner) if isinstance(inner, type) else {}
        if module != "builtins" and any(value is kind for value in names.values()):
            return True  # signal.ItimerError calls itself itimer_error
        own = self.module(module)
        is_known = module == "builtins" or (own is not None and not own.is_installed)
        return names.get(last, None if is_known else kind) is kind


class ClaimedFunction:
    """The function of a frame, and the module that it claims to be of.

    `has_own_globals` says whether its globals are that module's. Keeps no reference to the frame,
    which may keep sockets open.
    """

    def __init__(self, frame: FrameType) -> None:
        """Take the frame, and keep its code and the module that it claims."""
        name = dict.get(frame.f_globals, "__name__")
        self.module: str = name if type(name) is str else "?"
        self.code = frame.f_code
        self.has_own_globals = frame.f_globals is namespace(self.module)


def namespace(name: str) -> dict[str, Any] | None:
    """Return the globals of an imported module, even if its class hides them."""
    module = sys.modules.get(name)
    if module is None or _MODULE not in mro(type(module)):
        return None
    names: dict[str, Any] = _namespace_of(module)
    return names


def _exists(path: str) -> bool:
    """Tell whether a file exists."""
    try:
        stat(path)
    except (OSError, ValueError):
        return False
    return True


def _read(name: str, path: str) -> _ModuleFile:
    """Read and compile a module's file, without running it."""
    try:
        code = SourceFileLoader(name, path).get_code(name)
    except (OSError, ImportError, SyntaxError, ValueError, EOFError, MemoryError):
        code = None
    if code is None:
        return _ModuleFile([], is_installed=False)
    # What is compiled into the interpreter can differ from the file in details of the bytecode.
    frozen = [_imp.get_frozen_object(name)] if _imp.is_frozen(name) else []
    return _ModuleFile([code, *frozen], is_installed=any(part in path for part in _INSTALLED))


class _ModuleFile:
    """All functions in the file of a module; `codes` are what the file compiles to.

    `is_installed` is true for packages beside the standard library: those may replace their own
    globals and classes. `names` are qualified names by the name and first line of the code.
    """

    def __init__(self, codes: list[CodeType], *, is_installed: bool) -> None:
        """Take the code of the file, and whether the module is one that was installed."""
        self.is_installed = is_installed
        self.is_unreadable = not codes
        self.names: dict[tuple[str, int], str] = {}
        self._codes: dict[tuple[str, int], list[CodeType]] = {}
        for name, inner in [entry for code in codes for entry in _walk(code)]:
            key = (inner.co_name, inner.co_firstlineno)
            self.names.setdefault(key, name)
            self._codes.setdefault(key, []).append(inner)
        self.qualnames = frozenset(self.names.values())

    def holds(self, code: CodeType) -> bool:
        """Return whether that code is in the file; the file name in the code doesn't count."""
        content = _content(code)
        candidates = self._codes.get((code.co_name, code.co_firstlineno), ())
        return any(_content(candidate) == content for candidate in candidates)


def _walk(code: CodeType) -> list[tuple[str, CodeType]]:
    """Return all code inside of some code, with its qualified name (`co_qualname` from 3.11 on)."""
    inside: list[tuple[str, CodeType]] = []
    todo = [(code, "")]
    while todo:
        outer, prefix = todo.pop()
        for inner in outer.co_consts:
            if type(inner) is _CODE:
                name = prefix + inner.co_name
                inside.append((name, inner))
                local = inner.co_flags & _CO_OPTIMIZED
                todo.append((inner, f"{name}.<locals>." if local else f"{name}."))
    return inside


def _content(code: CodeType) -> tuple[object, ...]:
    """Return what a code object does, without the code inside it, to compare it with another.

    `co_code` is as it was compiled, whatever the interpreter has optimised since.
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
    """Return a constant of some code as something that compares by type and value."""
    if type(constant) is _CODE:
        return constant.co_name
    if type(constant) is tuple:
        return tuple([_plain(item) for item in constant])
    if type(constant) in {float, complex}:
        return repr(constant)  # nan is not equal to itself
    return (type(constant), constant)
