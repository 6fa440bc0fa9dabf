"""A module that stays here, and the parts of it that a function needs: a module of tests imports
pytest, which no client's container has.
"""

from __future__ import annotations

import ast
import builtins
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from labctl.errors import InputError, Where
from labctl.plugin.ship.bindings import Definition, binds, binds_top, bound
from labctl.plugin.ship.imports import Import, Imported, absolute, imported, imports_of
from labctl.plugin.ship.literal import literal
from labctl.plugin.ship.uses import names_used

_IMPORTABLE = (type, FunctionType, BuiltinFunctionType)


@dataclass(kw_only=True)
class Parts:
    """Statements by the line that they stand in, and what they import."""

    lines: dict[int, list[str]] = field(default_factory=dict)
    imports: list[Imported] = field(default_factory=list)

    def put(self, line: int, text: str) -> None:
        at = self.lines.setdefault(line, [])
        if text not in at:
            at.append(text)


class Home:
    """The source of a module, and what its names stand for."""

    def __init__(self, path: Path, source: str, package: str, names: Mapping[str, Any]) -> None:
        """`source` has lines that end with \\n, `names` are its globals. InputError where it is not
        Python any more.
        """
        self.path = path
        self._lines = source.split("\n")
        self._package = package
        self._names = names
        try:
            self._tree = ast.parse(source)
        except SyntaxError as error:
            where = Where(path=path, line=error.lineno or 0)
            raise InputError("is not what it was when it was imported", where=where) from None
        self._bound = bound(self._tree.body)

    def definition(self, code: CodeType) -> Definition | None:
        """The statement that made a function; None where it can't be found."""
        place = code.co_name, code.co_firstlineno
        for node in ast.walk(self._tree):
            if isinstance(node, Definition) and (node.name, _first_line(node)) == place:
                return node
        return None

    def parts(self, wanted: Definition) -> Parts:
        """A definition, and all that it uses of this module. InputError for what can't be sent."""
        parts, done, waiting = Parts(), {wanted.name}, [wanted]
        while waiting:
            node = waiting.pop()
            text = self._text(node)
            parts.put(_first_line(node), text)
            parts.imports += imports_of(ast.iter_child_nodes(node), self._package)
            for name in sorted(self._names_used(text) - done):
                done.add(name)
                found = self._bound.get(name, [])
                if found and isinstance(found[-1], Definition):
                    waiting.append(found[-1])
                else:
                    self._put(name, found, parts, node)
        return parts

    def _put(self, name: str, found: list[ast.stmt], parts: Parts, user: Definition) -> None:
        """Whatever is no definition: an import, or the value that it has now. Of several imports
        under one name, that tells which it was.
        """
        imports = [node for node in found if isinstance(node, Import)]
        clear = len(imports) == 1 or all(binds_top(name, one) for one in imports)
        if imports and imports == found and clear:
            for node in imports:
                self._put_import(name, node, parts)
        elif name in self._names:
            line = found[-1].lineno if found else 0
            parts.put(line, self._value(name, parts, user))

    def _put_import(self, name: str, node: Import, parts: Parts) -> None:
        aliases = [one for one in node.names if binds(one, node) == name]
        begin = "import"
        if isinstance(node, ast.ImportFrom):
            begin = f"from {absolute(node, self._package)} import"
        for alias in aliases:
            renamed = f" as {alias.asname}" if alias.asname else ""
            parts.put(node.lineno, f"{begin} {alias.name}{renamed}")
        of_it = type(node)(**{**vars(node), "names": aliases})
        parts.imports += imported(of_it, self._package)

    def _value(self, name: str, parts: Parts, user: Definition) -> str:
        value = self._names[name]
        if isinstance(value, ModuleType):
            parts.imports.append(Imported(module=value.__name__, line=_first_line(user)))
            return f"import {value.__name__} as {name}"
        if isinstance(value, _IMPORTABLE) and self._is_of_another(value):
            module, origin = value.__module__, value.__name__
            parts.imports.append(Imported(module=module, names=(origin,), line=_first_line(user)))
            return f"from {module} import {origin} as {name}"
        text = literal(value)
        if text is None:
            raise InputError(
                f"{user.name} uses {name}, of type {type(value).__name__}, which can't be sent to "
                "the client's container",
                where=Where(path=self.path, line=_first_line(user)),
                hint=f"make {name} in {user.name} itself, give it with args= if it is a plain "
                "value, or have it in a module of your project, and import it from there",
            )
        return f"{name} = {text}"

    def _is_of_another(self, value: Any) -> bool:
        """Whether a function or a class can be imported from the module that it says it is of."""
        module = sys.modules.get(value.__module__)
        elsewhere = module is not None and vars(module) is not self._names
        return elsewhere and getattr(module, value.__name__, None) is value

    def _names_used(self, text: str) -> set[str]:
        builtin = set(vars(builtins)) - set(self._names)
        return {name for name in names_used(text) - builtin if not name.startswith("__")}

    def _text(self, node: Definition) -> str:
        text = "\n".join(self._lines[_first_line(node) - 1 : node.end_lineno])
        return textwrap.dedent(text) if node.col_offset else text


def _first_line(node: Definition) -> int:
    return min([node.lineno, *(one.lineno for one in node.decorator_list)])
