"""The source of a module that is not sent itself, and the definitions of it that a function needs.

A test module is such a module: it imports pytest, which no client container has.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import dis
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from labctl.errors import InputError, Where
from labctl.plugin.bundle.imports import (
    Import,
    ImportedModule,
    absolute_name,
    imports_of,
    statement_imports,
)
from labctl.plugin.bundle.source_text import literal

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_IMPORTABLE = (type, FunctionType, BuiltinFunctionType)
_GLOBAL_OPS = {
    "LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS", "STORE_GLOBAL", "DELETE_GLOBAL"
}  # fmt: skip
"""Bytecode instructions that use a global name."""


@dataclass(kw_only=True)
class Definitions:
    """A function and what it needs of its module: statements by line, and their imports."""

    statements: dict[int, list[str]] = field(default_factory=dict)
    imports: list[ImportedModule] = field(default_factory=list)

    def add(self, line: int, statement: str) -> None:
        """Add a statement at a line, once."""
        at_line = self.statements.setdefault(line, [])
        if statement not in at_line:
            at_line.append(statement)


class ModuleSource:
    """The source of a module, and the values of its global names."""

    def __init__(
        self, path: Path, source: str, package: str, global_names: Mapping[str, Any]
    ) -> None:
        """Parse `source`, whose lines end with \\n. Relative imports begin at `package`.

        Raise InputError if the source is not valid Python (any more).
        """
        self.path = path
        self._lines = source.split("\n")
        self._package = package
        self._globals = global_names
        try:
            self._tree = ast.parse(source)
        except SyntaxError as error:
            where = Where(path=path, line=error.lineno or 0)
            raise InputError("is not what it was when it was imported", where=where) from None
        self._bindings = _bindings(self._tree.body)

    def definition(self, code: CodeType) -> Definition | None:
        """Return the statement that defines a function, given its code; None if there is none."""
        place = code.co_name, code.co_firstlineno
        for node in ast.walk(self._tree):
            if isinstance(node, Definition) and (node.name, _first_line(node)) == place:
                return node
        return None

    def with_dependencies(self, definition: Definition) -> Definitions:
        """Return a definition and everything of this module that it uses.

        Raise InputError if it uses something that can't be sent.
        """
        result, done, waiting = Definitions(), {definition.name}, [definition]
        while waiting:
            node = waiting.pop()
            text = self._text(node)
            result.add(_first_line(node), text)
            result.imports += imports_of(ast.iter_child_nodes(node), self._package)
            for name in sorted(self._names_used(text) - done):
                done.add(name)
                binders = self._bindings.get(name, [])
                if binders and isinstance(binders[-1], Definition):
                    waiting.append(binders[-1])
                else:
                    self._add_import_or_value(name, binders, result, node)
        return result

    def _add_import_or_value(
        self, name: str, binders: list[ast.stmt], result: Definitions, user: Definition
    ) -> None:
        """Add a name that is no definition: as its import, or as the value that it has now.

        If several imports bind the name, only the value tells which of them was executed.
        """
        imports = [node for node in binders if isinstance(node, Import)]
        is_clear = len(imports) == 1 or all(_binds_submodule(name, one) for one in imports)
        if imports and imports == binders and is_clear:
            for node in imports:
                self._add_import(name, node, result)
        elif name in self._globals:
            line = binders[-1].lineno if binders else 0
            result.add(line, self._assignment(name, result, user))

    def _add_import(self, name: str, node: Import, result: Definitions) -> None:
        """Add the part of an import statement that binds a name to the result."""
        aliases = [one for one in node.names if _bound_name(one, node) == name]
        begin = "import"
        if isinstance(node, ast.ImportFrom):
            begin = f"from {absolute_name(node, self._package)} import"
        for alias in aliases:
            renamed = f" as {alias.asname}" if alias.asname else ""
            result.add(node.lineno, f"{begin} {alias.name}{renamed}")
        only_name = type(node)(**{**vars(node), "names": aliases})
        result.imports += statement_imports(only_name, self._package)

    def _assignment(self, name: str, result: Definitions, user: Definition) -> str:
        """Return a statement that gives a name the value that it has now. If the value can be
        imported, it is added to the result's imports instead.
        """
        value = self._globals[name]
        line = _first_line(user)
        if isinstance(value, ModuleType):
            result.imports.append(ImportedModule(module=value.__name__, line=line))
            return f"import {value.__name__} as {name}"
        if isinstance(value, _IMPORTABLE) and self._is_from_elsewhere(value):
            module, origin = value.__module__, value.__name__
            result.imports.append(ImportedModule(module=module, names=(origin,), line=line))
            return f"from {module} import {origin} as {name}"
        text = literal(value)
        if text is None:
            raise InputError(
                f"{user.name} uses {name}, of type {type(value).__name__}, which can't be sent to "
                "the client's container",
                where=Where(path=self.path, line=line),
                hint=f"make {name} in {user.name} itself; or give it with args= if it is a plain "
                "value; or move it to a module of your project, and import it from there",
            )
        return f"{name} = {text}"

    def _is_from_elsewhere(self, value: Any) -> bool:
        """Tell whether a function or class can be imported from another module, which it names."""
        module = sys.modules.get(value.__module__)
        elsewhere = module is not None and vars(module) is not self._globals
        return elsewhere and getattr(module, value.__name__, None) is value

    def _names_used(self, text: str) -> set[str]:
        """Return the names that a definition uses of this module."""
        builtin = set(vars(builtins)) - set(self._globals)
        return {name for name in global_names(text) - builtin if not name.startswith("__")}

    def _text(self, node: Definition) -> str:
        """Return the source lines of a definition, its decorators included, without indent."""
        text = "\n".join(self._lines[_first_line(node) - 1 : node.end_lineno])
        return textwrap.dedent(text) if node.col_offset else text


def global_names(text: str) -> set[str]:
    """Return the global names that a definition uses, built-in names included.

    Names in annotations don't count, because annotations are not evaluated.
    """
    flags = __future__.annotations.compiler_flag
    code = compile(text, "<definition>", "exec", flags=flags, dont_inherit=True)
    return {name for inner in _nested_codes(code) for name in _globals_in(inner)}


def _nested_codes(code: CodeType) -> Iterator[CodeType]:
    """Yield a code object and all code objects in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested_codes(constant)


def _globals_in(code: CodeType) -> Iterator[str]:
    """Yield the names that one code object looks up outside of itself."""
    instructions = list(dis.get_instructions(code))
    own = {one.argval for one in instructions if one.opname == "STORE_NAME"}
    for one in instructions:
        if one.opname in _GLOBAL_OPS and not (one.opname == "LOAD_NAME" and one.argval in own):
            yield one.argval


def _bindings(body: Iterable[ast.stmt]) -> dict[str, list[ast.stmt]]:
    """Return the names that a module's top-level statements bind, each with those statements."""
    result: dict[str, list[ast.stmt]] = {}
    for node in _top_level(body):
        for name in _names_bound(node):
            result.setdefault(name, []).append(node)
    return result


def _top_level(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements, and those inside of `if`, `try` and `with`, which bind names as well."""
    for node in body:
        yield node
        if isinstance(node, (ast.If, ast.Try, ast.With)):
            inner = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
            handlers = getattr(node, "handlers", [])
            yield from _top_level([*inner, *(each for one in handlers for each in one.body)])


def _names_bound(node: ast.stmt) -> Iterator[str]:
    """Yield the names that one statement binds."""
    if isinstance(node, Import):
        yield from (_bound_name(alias, node) for alias in node.names)
    elif isinstance(node, Definition):
        yield node.name
    elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                yield inner.id


def _bound_name(alias: ast.alias, node: Import) -> str:
    """Return the name that an import statement binds for one of its aliases."""
    top = alias.name.partition(".")[0] if isinstance(node, ast.Import) else alias.name
    return alias.asname or top


def _binds_submodule(name: str, node: ast.stmt) -> bool:
    """Tell whether a statement is like `import xml.dom`: several of those can bind one name."""
    return isinstance(node, ast.Import) and any(
        not alias.asname and alias.name.startswith(f"{name}.") for alias in node.names
    )


def _first_line(node: Definition) -> int:
    """Return the line in which a definition or its first decorator begins."""
    return min([node.lineno, *(one.lineno for one in node.decorator_list)])
