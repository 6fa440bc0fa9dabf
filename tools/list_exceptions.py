"""Print the canonical name of every exception in the standard library of this interpreter.

A name is the type's `__module__` and `__qualname__`, built-ins bare: what a probe reports. Names
only grow: what one Python has and another lacks stays in the list. To add those of a Python:

    F=labctl/model/stdlib-exceptions.txt
    python3.14 -I -S tools/list_exceptions.py | LC_ALL=C sort -u -o $F - $F

Works on CPython 3.9 and later, and with nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import pkgutil
import re
import sys
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path

_LEFT_OUT = re.compile(
    r"antigravity|distutils|ensurepip|idlelib|lib2to3|msilib|pip|pydoc_data|setuptools|tests?|this"
    r"|tkinter|turtle|turtledemo|venv|_?xx.*|_test.*"
)
"""Parts of module names that no client meets, or that do things when they are imported."""


def module_names() -> Iterator[str]:
    """Every module of the standard library, built-in and submodules too."""
    folders = [sysconfig.get_path("stdlib"), sysconfig.get_config_var("DESTSHARED") or ""]
    found = (name for folder in folders for name in _below(Path(folder)))
    for name in (*sys.builtin_module_names, *found):
        if not is_left_out(name):
            yield name


def is_left_out(name: str) -> bool:
    """Whether any part of a dotted name is of no use here."""
    return any(_LEFT_OUT.fullmatch(part) for part in name.split("."))


def _below(folder: Path, prefix: str = "") -> Iterator[str]:
    for module in pkgutil.iter_modules([str(folder)], prefix):
        last = module.name.rpartition(".")[2]
        if last == "__main__":
            continue
        yield module.name
        if module.ispkg:
            yield from _below(folder / last, f"{module.name}.")


def exceptions_of(module: str) -> Iterator[str]:
    """The canonical names of the public exceptions in a module; none if it can't be imported."""
    try:
        found = importlib.import_module(module)
    except ImportError:
        return  # of another platform, or built without the library it needs
    for exception in _exceptions_in(found):
        home = exception.__module__
        if not is_left_out(home):
            name = exception.__qualname__
            yield name if home == "builtins" else f"{home}.{name}"


def _exceptions_in(holder: object) -> Iterator[type[BaseException]]:
    """Exceptions in a module, and in its classes: `imaplib.IMAP4.abort` is in one."""
    for name, value in list(vars(holder).items()):
        if name.startswith("_") or not isinstance(value, type):
            continue
        if issubclass(value, BaseException):
            yield value
        elif not isinstance(holder, type):
            yield from _exceptions_in(value)


def main() -> None:
    """Print the names, sorted, one in a line."""
    warnings.simplefilter("ignore")  # deprecated modules count too
    names: set[str] = set()
    with contextlib.redirect_stdout(io.StringIO()):  # some modules print when imported
        for module in module_names():
            names.update(exceptions_of(module))
    sys.stdout.write("\n".join(sorted(names)) + "\n")


if __name__ == "__main__":
    main()
