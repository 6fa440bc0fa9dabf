"""All that is sent of a client: its own source text, with the modules that it needs."""

from __future__ import annotations

import ast
import inspect
import sys
import tokenize
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

from labctl.errors import InputError, UsageError, Where
from labctl.load.scenario import CLIENT_LIMIT, read_client
from labctl.model.scenario import Library, Target
from labctl.plugin.ship.calling import Args, call
from labctl.plugin.ship.gather import Gathered
from labctl.plugin.ship.home import Home, Parts
from labctl.plugin.ship.imports import imports_of
from labctl.plugin.ship.layout import after_future, laid_out
from labctl.plugin.ship.project import Module, Project, Whose

SIZE_LIMIT = 4 * CLIENT_LIMIT
"""Bytes of a client with all the modules sent along."""


@dataclass(frozen=True, kw_only=True)
class Shipment:
    """A client's `source`, what people call it, and the `file` that its own lines are said to be
    in. `libraries` says whether it needs an image that has some.
    """

    name: str
    file: str
    source: str
    argv: tuple[str, ...] = ()
    requires: tuple[Library, ...] = ()
    libraries: bool = False
    modules: Mapping[str, Module]


class Shipper:
    """Makes shipments of one project. `tests` are the names of modules whose functions are sent
    without them.
    """

    def __init__(
        self, root: Path, libraries: tuple[str, ...], tests: frozenset[str] = frozenset()
    ) -> None:
        self._root = root
        self._libraries = libraries
        self._tests = tests

    def ship(self, client: object, target: Target, args: Args = ()) -> Shipment:
        """A function or the path of a script, to be run on that target. UsageError for anything
        else, InputError where something that it needs can't be sent.
        """
        if isinstance(client, (str, Path)):
            return self._script(Path(client), args)
        return self._function(_checked(client), target, args)

    def _script(self, path: Path, args: Args) -> Shipment:
        source = read_client(path)
        gathered = self._gathered(path.absolute().parent)
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):
            tree = ast.Module(body=[], type_ignores=[])  # running it will say so
        gathered.add(imports_of([tree], ""), Where(path=path))
        if isinstance(args, Mapping):
            raise UsageError("a script takes no arguments by name", hint="give args= a list")
        whole = after_future(source, tree, gathered.modules)
        return _shipment(path.stem, path.name, whole, gathered, argv=tuple(map(str, args)))

    def _function(self, function: FunctionType, target: Target, args: Args) -> Shipment:
        """With its module, so that tracebacks name that; else without, if it can do so."""
        called = call(function, target, args)
        if self._can_be_imported(function):
            with suppress(InputError):  # what it needs itself may be less
                return self._with_module(function, called)
        gathered = self._gathered()
        home = _home(function)
        parts = _parts(function, home)
        gathered.add(parts.imports, Where(path=home.path))
        source = laid_out(parts.lines, gathered.modules, called)
        return _shipment(function.__name__, home.path.name, source, gathered)

    def _with_module(self, function: FunctionType, called: str) -> Shipment:
        gathered = self._gathered()
        statement = f"from {function.__module__} import {function.__name__}"
        gathered.add(imports_of([ast.parse(statement)], ""), Where(path=self._root))
        source = laid_out({1: [statement]}, gathered.modules, called)
        return _shipment(function.__name__, f"{function.__name__}.py", source, gathered)

    def _gathered(self, *folders: Path) -> Gathered:
        return Gathered(Project(self._root, self._libraries, folders))

    def _can_be_imported(self, function: FunctionType) -> bool:
        """Whether it is of a module of the project, by its own name, and none of the tests'."""
        name = function.__module__
        if name in self._tests or name.rpartition(".")[2] == "conftest":
            return False
        found = getattr(sys.modules.get(name), function.__name__, None)
        return found is function and Project(self._root, self._libraries).whose(name) in (
            Whose.PROJECT,
            Whose.PYTHON,
            Whose.LIBRARY,
        )


def _checked(client: object) -> FunctionType:
    """The function, seen to be one that can be sent."""
    hint = "write a function (def) that takes host and port, and give that"
    if not isinstance(client, FunctionType):
        kind = "a class" if isinstance(client, type) else f"of type {type(client).__name__}"
        raise UsageError(
            f"a client is a function or the path of a script, and this is {kind}", hint=hint
        )
    if client.__name__ == "<lambda>":
        raise UsageError("a lambda can't be sent to a client's container", hint=hint)
    inner = inspect.unwrap(client)
    if inner.__code__.co_freevars:
        names = ", ".join(inner.__code__.co_freevars)
        raise UsageError(
            f"{client.__name__} uses {names} of the function around it, which can't be sent to a "
            "client's container",
            hint="give it args= with what it needs, or make that in the function itself",
        )
    return client


def _home(function: FunctionType) -> Home:
    inner: Callable[..., Any] = inspect.unwrap(function)
    file = inner.__code__.co_filename
    try:
        with tokenize.open(file) as opened:
            source = opened.read()
    except (OSError, ValueError, SyntaxError):
        raise UsageError(
            f"the source of {function.__name__} is not there: {file} can't be read",
            hint="define the function in a file",
        ) from None
    names = inner.__globals__
    return Home(Path(file), source, str(names.get("__package__") or ""), names)


def _parts(function: FunctionType, home: Home) -> Parts:
    code = inspect.unwrap(function).__code__
    found = home.definition(code)
    if found is None or found.name != function.__name__:
        raise UsageError(
            f"{function.__name__} is not where it was defined: {home.path}, "
            f"line {code.co_firstlineno}",
            hint="give the function that is written there, under its own name",
        )
    return home.parts(found)


def _shipment(
    name: str, file: str, source: str, gathered: Gathered, *, argv: tuple[str, ...] = ()
) -> Shipment:
    size = len(source.encode("utf-8", "backslashreplace"))
    if size > SIZE_LIMIT:
        raise InputError(
            f"{name} and the {len(gathered.modules)} modules that it needs have {size >> 10} KiB: "
            f"more than the {SIZE_LIMIT >> 10} that are sent to a client's container",
            hint="import large modules in the functions that use them, or import fewer",
        )
    return Shipment(
        name=name,
        file=file,
        source=source,
        argv=argv,
        requires=gathered.requires,
        libraries=gathered.needs_libraries,
        modules=gathered.modules,
    )
