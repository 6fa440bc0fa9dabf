"""The table of bases is that of the standard library."""

from __future__ import annotations

import importlib

import pytest

from labctl.explain.families import _BASES, aliases, bases, called, canonical, is_known
from labctl.model.exceptions import known_names

MODULES = sorted({name.rpartition(".")[0].removesuffix(".IMAP4") for name in _BASES})


def names_of(kind: type) -> list[str]:
    """Its own name and those of its bases, but for those that every exception has."""
    full = [f"{each.__module__}.{each.__qualname__}" for each in kind.__mro__]
    wide = ("builtins.object", "builtins.BaseException", "builtins.Exception")
    return [canonical(name) for name in full if name not in wide]


@pytest.mark.parametrize("module", MODULES)
def test_the_bases_of_every_exception_of_a_module(module: str) -> None:
    holder = importlib.import_module(module)
    checked = 0
    for name in known_names():
        kind: object = holder
        for part in name.removeprefix(f"{module}.").split("."):
            kind = getattr(kind, part, None)
        if not name.startswith(f"{module}.") or not isinstance(kind, type):
            continue  # of another module, or of another Python
        wanted = [base for base in names_of(kind) if not base.startswith("urllib.response.")]
        if not any(base.startswith("tempfile.") for base in wanted):
            assert sorted(bases(name)) == sorted(wanted), name
            checked += 1
    assert checked


def test_names_that_have_changed() -> None:
    assert canonical("socket.timeout") == canonical("asyncio.TimeoutError") == "TimeoutError"
    assert canonical("builtins.OSError") == "OSError"
    assert {"TimeoutError", "socket.timeout"} <= aliases("TimeoutError")
    assert bases("socket.timeout") == bases("TimeoutError") == ("TimeoutError", "OSError")


def test_names_that_are_asked_for() -> None:
    assert called("TimeoutError") == "TimeoutError"
    assert called("gaierror") == "socket.gaierror"
    assert called("ssl.SSLError") == "ssl.SSLError"
    assert called("Zebra") is None
    assert is_known("asyncio.TimeoutError")
    assert not is_known("requests.exceptions.Timeout")
    assert bases("requests.exceptions.Timeout") == ("requests.exceptions.Timeout",)
