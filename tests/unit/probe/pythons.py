"""The interpreters of this machine, to run the probe on."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

_OLDEST, _NEWEST = 8, 14


def _candidates() -> list[str]:
    pyenv = sorted(Path("~/.pyenv/versions").expanduser().glob("3.*/bin/python"))
    on_path = (shutil.which(f"python3.{minor}") for minor in range(_OLDEST, _NEWEST + 1))
    return [sys.executable, *map(str, pyenv), *filter(None, on_path)]


def _minor(python: str) -> int | None:
    """13 for 3.13; None for what doesn't run, as the shims of versions that are not there."""
    command = [python, "-ISc", "import sys; print(sys.version_info[1])"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return int(answer.stdout) if answer.returncode == 0 else None


@cache
def pythons() -> dict[str, str]:
    """One interpreter for each version from 3.8 to 3.14 that is there: `3.13` -> its path."""
    found: dict[int, str] = {}
    for python in _candidates():
        minor = _minor(python)
        if minor is not None and _OLDEST <= minor <= _NEWEST:
            found.setdefault(minor, python)
    return {f"3.{minor}": found[minor] for minor in sorted(found)}
