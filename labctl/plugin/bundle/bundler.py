"""Bundles of clients: the source text of a function or script, with the modules that it needs."""

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
from labctl.model.scenario import Target
from labctl.plugin.bundle.calling import Args, call_expression
from labctl.plugin.bundle.dependencies import Dependencies
from labctl.plugin.bundle.imports import imports_of
from labctl.plugin.bundle.module_source import Definitions, ModuleSource
from labctl.plugin.bundle.project import Module, ModuleOwner, Project
from labctl.plugin.bundle.source_text import client_text, script_text

SIZE_LIMIT = 4 * CLIENT_LIMIT
"""Bytes of the largest bundle."""


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A client as one source text that needs no file of this machine.

    `name` is what reports call it; `file` is the file that tracebacks name for its own lines.
    `argv` are a script's arguments. `requires` are the libraries that an attempt must name;
    `needs_libraries` says whether the client needs the image with libraries. `modules` are the
    project's modules in the bundle, by name.
    """

    name: str
    file: str
    source: str
    argv: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    needs_libraries: bool = False
    modules: Mapping[str, Module]


class Bundler:
    """A maker of bundles for one project. It reads source files, and writes nothing."""

    def __init__(
        self, root: Path, libraries: tuple[str, ...], test_modules: frozenset[str] = frozenset()
    ) -> None:
        """Take the project's folder, and the packages that client images have.

        `test_modules` are modules that are never sent: only definitions are taken from them.
        """
        self._root = root
        self._libraries = libraries
        self._test_modules = test_modules

    def bundle(self, client: object, target: Target, args: Args = ()) -> Bundle:
        """Return the bundle of a function, or of the script at a path, that is run with `target`.
        Reads the project's files, and sends nothing. `args` are the function's arguments, or a
        script's `argv`.

        Raise UsageError for any other client, and InputError if something that it needs can't be
        sent.
        """
        if isinstance(client, (str, Path)):
            return self._script(Path(client), args)
        return self._function(_bundleable(client), target, args)

    def _script(self, path: Path, args: Args) -> Bundle:
        """Make a bundle of a script and the project's modules that it imports."""
        source = read_client(path)
        dependencies = self._dependencies(path.absolute().parent)
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):
            tree = ast.Module(body=[], type_ignores=[])  # running it reports the error
        dependencies.add(imports_of([tree], ""), Where(path=path))
        if isinstance(args, Mapping):
            raise UsageError("a script takes no arguments by name", hint="give args= a list")
        text = script_text(source, tree, dependencies.modules)
        return _bundle(path.stem, path.name, text, dependencies, argv=tuple(map(str, args)))

    def _function(self, function: FunctionType, target: Target, args: Args) -> Bundle:
        """Bundle a function with its module, so that tracebacks name the module.

        If the module can't be sent, only its definitions that the function needs are.
        """
        call = call_expression(function, target, args)
        if self._can_be_imported(function):
            with suppress(InputError):  # the function alone may need less
                return self._with_module(function, call)
        dependencies = self._dependencies()
        module = _module_source(function)
        definitions = _definitions(function, module)
        dependencies.add(definitions.imports, Where(path=module.path))
        text = client_text(definitions.statements, dependencies.modules, call)
        return _bundle(function.__name__, module.path.name, text, dependencies)

    def _with_module(self, function: FunctionType, call: str) -> Bundle:
        """Make a bundle that imports the function's whole module and calls the function."""
        dependencies = self._dependencies()
        statement = f"from {function.__module__} import {function.__name__}"
        dependencies.add(imports_of([ast.parse(statement)], ""), Where(path=self._root))
        text = client_text({1: [statement]}, dependencies.modules, call)
        return _bundle(function.__name__, f"{function.__name__}.py", text, dependencies)

    def _dependencies(self, *folders: Path) -> Dependencies:
        """Return an empty collection of dependencies. The folders come before sys.path."""
        return Dependencies(Project(self._root, self._libraries, folders))

    def _can_be_imported(self, function: FunctionType) -> bool:
        """Tell whether a client can import a function by its name from its module. Modules of tests
        are not sent.
        """
        name = function.__module__
        if name in self._test_modules or name.rpartition(".")[2] == "conftest":
            return False
        found = getattr(sys.modules.get(name), function.__name__, None)
        return found is function and Project(self._root, self._libraries).owner(name) in (
            ModuleOwner.PROJECT,
            ModuleOwner.PYTHON,
            ModuleOwner.LIBRARY,
        )


def _bundleable(client: object) -> FunctionType:
    """Return the client if it is a function that can be sent. Raise UsageError if it is not."""
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
            hint="give the values with args=, or make them in the function itself",
        )
    return client


def _module_source(function: FunctionType) -> ModuleSource:
    """Read the module that defines a function. Raise UsageError if its file can't be read."""
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
    global_names = inner.__globals__
    package = str(global_names.get("__package__") or "")
    return ModuleSource(Path(file), source, package, global_names)


def _definitions(function: FunctionType, module: ModuleSource) -> Definitions:
    """Return a function's definition and all that it uses of its module.

    Raise UsageError if the definition is not in the source, or has another name there.
    """
    code = inspect.unwrap(function).__code__
    definition = module.definition(code)
    if definition is None or definition.name != function.__name__:
        raise UsageError(
            f"{function.__name__} is not where it was defined: {module.path}, "
            f"line {code.co_firstlineno}",
            hint="give the function that is written there, under its own name",
        )
    return module.with_dependencies(definition)


def _bundle(
    name: str, file: str, source: str, dependencies: Dependencies, *, argv: tuple[str, ...] = ()
) -> Bundle:
    """Make a bundle. Raise InputError if it is larger than SIZE_LIMIT."""
    size = len(source.encode("utf-8", "backslashreplace"))
    if size > SIZE_LIMIT:
        raise InputError(
            f"{name} and the {len(dependencies.modules)} modules that it needs have {size >> 10} "
            f"KiB; a client may have {SIZE_LIMIT >> 10} KiB",
            hint="import large modules in the functions that use them, or import fewer",
        )
    return Bundle(
        name=name,
        file=file,
        source=source,
        argv=argv,
        requires=dependencies.requires,
        needs_libraries=dependencies.needs_libraries,
        modules=dependencies.modules,
    )
