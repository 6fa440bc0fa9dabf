"""Which module a file in a traceback is, by its path alone: it is of another machine."""

from __future__ import annotations

import re
import sys

_FROZEN = re.compile(r"<frozen ([\w.]+)>")
_PACKAGES = frozenset({"site-packages", "dist-packages"})
_VERSIONED = re.compile(r"(?:python|pypy)\d[\d.]*t?(?:\.zip)?", re.IGNORECASE)


def module_of(path: str) -> str | None:
    r"""Return the module of a file of a library: `http.client` for
    /usr/lib/python3.13/http/client.py. Return None for other files.

    Windows has ...\Lib\http\client.py, programs made into one file have http\client.py.
    """
    frozen = _FROZEN.fullmatch(path)
    if frozen:
        return frozen[1]
    parts = [part for part in re.split(r"[\\/]", path) if part != "."]
    stem, dot, suffix = parts[-1].rpartition(".")
    if not dot or suffix not in ("py", "pyc", "pyx"):
        return None
    inside = _inside_library([*parts[:-1], stem])
    if inside and inside[-1] == "__init__" and len(inside) > 1:
        inside = inside[:-1]
    return ".".join(inside) if inside and all(p.isidentifier() for p in inside) else None


def _inside_library(parts: list[str]) -> list[str]:
    """Return the parts of a path below a library's folder; empty if it leads into none."""
    for index in range(len(parts) - 1, -1, -1):
        if parts[index] in _PACKAGES:
            return parts[index + 1 :]
    for index in range(len(parts) - 2, -1, -1):
        known = parts[index + 1] in sys.stdlib_module_names
        if known and (_VERSIONED.fullmatch(parts[index]) or parts[index].lower() == "lib"):
            return parts[index + 1 :]
    return parts if parts[0] in sys.stdlib_module_names else []
