"""The names that `raises:` and `isa:` may have: built-ins bare, others as module.Name."""

from __future__ import annotations

import difflib
import sys
from functools import cache
from importlib.resources import files

_ALIASES = {
    "EnvironmentError": "OSError",
    "IOError": "OSError",
    "select.error": "OSError",
    "socket.error": "OSError",
}
"""Names that Python keeps for an exception that has another name of its own."""


@cache
def known_names() -> frozenset[str]:
    """Return every exception of the network-related standard library of CPython 3.9 to 3.14.

    Source: stdlib-exceptions.txt, written by tools/list_exceptions.py from the client images.
    """
    text = files("labctl.model").joinpath("stdlib-exceptions.txt").read_text("utf-8")
    return frozenset(text.split())


def check_exception_name(name: str) -> str:
    """Return the name if an exception can have it. Raise ValueError, with the name that was
    probably meant, if not.
    """
    if not all(part.isidentifier() for part in name.split(".")):
        raise ValueError(f"an exception's name is like OSError or module.Name, not {name!r}")
    known = known_names()
    top = name.partition(".")[0]
    if name in known or ("." in name and top not in sys.stdlib_module_names):
        return name
    if (
        "." in name
        and top != "builtins"
        and not any(other.startswith(f"{top}.") for other in known)
    ):
        return name
    meant = _meant(name, known)
    hint = f"; did you mean {meant}?" if meant else ""
    raise ValueError(f"no exception is called {name}{hint}")


def _meant(name: str, known: frozenset[str]) -> str | None:
    """Return the known exception that a wrong name probably means: by an alias, by its last part,
    or by similar spelling. Return None if there is none.
    """
    if name in _ALIASES:
        return _ALIASES[name]
    bare = name.rpartition(".")[2]
    called_so = {bare} & known or {other for other in known if other.endswith(f".{bare}")}
    if len(called_so) == 1:
        return called_so.pop()
    return next(iter(difflib.get_close_matches(name, sorted(known), n=1)), None)
