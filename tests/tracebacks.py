"""Observed exceptions as the tracebacks that CPython prints, on one of several systems."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

_LIBRARIES = (
    "/usr/lib/python3.13/{}.py",
    "/home/ada/.pyenv/versions/3.11.7/lib/python3.11/{}.py",
    "/Library/Frameworks/Python.framework/Versions/3.12/lib/python3.12/{}.py",
    "C:\\Users\\ada\\AppData\\Local\\Programs\\Python\\Python313\\Lib\\{}.py",
)
_CLIENTS = ("/app/main.py", "/app/main.py", "/Users/ada/main.py", "D:\\work\\main.py")
SYSTEMS = len(_LIBRARIES)
_CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"


def traceback(observed: dict[str, Any], system: int = 0) -> str:
    """Of what a result document says of an attempt. Of a linked exception's frames, it has only
    the innermost.
    """
    stack = [f"{frame['module']}:{frame['qualname']}" for frame in observed["stack"]]
    return _chain(observed["exception"], stack, system)


def _chain(exception: dict[str, Any], stack: Iterable[str], system: int) -> str:
    before = ""
    for link, words in (("cause", _CAUSE), ("context", _CONTEXT)):
        linked = exception[link]
        if linked and not before:
            before = _chain(linked, _innermost(linked), system) + words
    whole = "".join(_own(exception, stack, system))
    for number, member in enumerate(exception["group"] or (), 1):
        whole += f"+---------------- {number} ----------------\n"
        inner = _chain(member, _innermost(member), system)
        whole += "".join(f"  | {line}\n" for line in inner.splitlines())
    if exception["group"]:
        whole = "".join(f"  | {line}\n" for line in whole.splitlines())
        whole = whole.replace("  | Traceback", "  + Exception Group Traceback", 1)
    return before + whole


def _innermost(exception: dict[str, Any]) -> list[str]:
    origin = exception["origin"]
    return [origin["under"]] if origin and origin["under"] else []


def _own(exception: dict[str, Any], stack: Iterable[str], system: int) -> Iterator[str]:
    yield "Traceback (most recent call last):\n"
    yield from _frame(_CLIENTS[system], "<module>", "connect()")
    for frame in stack:
        module, _, qualname = frame.partition(":")
        path = _LIBRARIES[system].format(_file(module).replace("/", "\\" if system == 3 else "/"))
        yield from _frame(path, qualname.rpartition(".")[2], "return self.call(*args)")
    text = exception["message"]
    yield f"{exception['type']}: {text}\n" if text else f"{exception['type']}\n"


def _file(module: str) -> str:
    file = module.replace(".", "/")
    return (
        file
        if module.split(".", maxsplit=1)[0] in sys.stdlib_module_names
        else f"site-packages/{file}"
    )


def _frame(path: str, function: str, source: str) -> Iterator[str]:
    yield f'  File "{path}", line 12, in {function}\n    {source}\n'
    yield "    ~~~~~~~~~^^^^^^^\n" if len(function) % 2 else ""


def in_a_log(text: str) -> str:
    """With a log around it, before every line and between two."""
    lines = [f"app-1  | {line}" for line in text.splitlines()]
    return "\n".join(["2026-01-02 03:04:05 INFO: ready", *lines, "ERROR: giving up", ""])
