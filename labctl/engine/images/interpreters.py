"""The Python interpreters of this machine: where they are, and whether they are of use."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_ANSWER_S = 20
_CPYTHON = "cpython"
"""What CPython calls itself. Others raise other exceptions, and have other stacks."""
_DESCRIBE = """
import importlib, json, os, platform, sys, sysconfig
missing = []
for name in ("ssl", "ctypes", "socket", "hashlib", "zlib"):
    try:
        importlib.import_module(name)
    except Exception as error:
        missing.append("%s (%s)" % (name, error))
print(json.dumps({
    "implementation": sys.implementation.name,
    "version": platform.python_version(),
    "executable": os.path.realpath(sys.executable),
    "library": [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")],
    "missing": missing,
}))
"""


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """One that can be made into a base. `library` holds the folders of its standard library."""

    version: str
    executable: Path
    library: tuple[Path, ...]


class Unusable(Exception):
    """Why an interpreter is of no use: half a sentence that names it."""


def candidates(
    series: str, environment: Mapping[str, str], home: Path, root: Path = Path("/")
) -> Iterator[Path]:
    """Yield the interpreters of a series that pyenv, uv and the system have, newest first in each.

    The last is the one that runs labctl, wherever it is, if it is of that series.
    """
    data = Path(environment.get("XDG_DATA_HOME") or home / ".local/share")
    pyenv = Path(environment.get("PYENV_ROOT") or home / ".pyenv") / "versions"
    uv = Path(environment.get("UV_PYTHON_INSTALL_DIR") or data / "uv/python")
    for folder in [*_newest_first(pyenv, series), *_newest_first(uv, f"cpython-{series}")]:
        yield folder / "bin" / f"python{series}"
    for place in ("usr/local/bin", "usr/bin"):
        yield root / place / f"python{series}"
    yield Path(sys.base_prefix, "bin", f"python{series}")


def describe(executable: Path) -> Interpreter:
    """Run an interpreter, and return what it says of itself. Raise Unusable if it doesn't run, is
    not CPython, or lacks modules.
    """
    try:
        done = subprocess.run(
            [executable, "-I", "-S", "-c", _DESCRIBE],
            capture_output=True, check=True, timeout=_ANSWER_S, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        found = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise Unusable(f"{executable} does not run ({error})") from None
    if found["implementation"] != _CPYTHON:
        raise Unusable(f"{executable} is {found['implementation']}, and not {_CPYTHON}")
    if found["missing"]:
        raise Unusable(f"{executable} cannot import {', '.join(found['missing'])}")
    return Interpreter(
        version=found["version"],
        executable=Path(found["executable"]),
        library=tuple(dict.fromkeys(Path(path) for path in found["library"])),
    )


def find(series: str, environment: Mapping[str, str], home: Path) -> Interpreter:
    """Return the first interpreter of a series that runs and has the modules needed. Looks in
    pyenv, uv and the system, and runs each candidate. Raise Unusable if there is none.
    """
    unusable = []
    for executable in candidates(series, environment, home):
        if not os.path.isfile(executable):  # noqa: PTH113 no error where it may not be read
            continue
        try:
            return describe(executable)
        except Unusable as error:
            unusable.append(str(error))
    raise Unusable(
        "; ".join(unusable) or f"no Python {series} in pyenv, uv, /usr/local/bin or /usr/bin"
    )


def _newest_first(folder: Path, prefix: str) -> list[Path]:
    """Return the folders of one series, such as `3.12.1` or `cpython-3.12.1-linux-x86_64-gnu`,
    newest first. An empty list, if there is no such folder, or if this user may not read it.
    """
    pattern = re.compile(re.escape(prefix) + r"\.(\d+)(?:-linux-.*)?")
    try:
        found = [(pattern.fullmatch(entry.name), entry) for entry in folder.iterdir()]
    except OSError:
        return []
    numbered = [(int(match[1]), entry) for match, entry in found if match]
    return [entry for _, entry in sorted(numbered, reverse=True)]
