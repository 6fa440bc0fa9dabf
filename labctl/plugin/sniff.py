"""Which files may be scenarios, told without loading any. Imports little."""

from __future__ import annotations

import re
from pathlib import Path

_SUFFIXES = (".yaml", ".yml")
_LIMIT = 1024 * 1024
"""Bytes of the largest scenario that labctl reads."""
_KEYS = (re.compile(rb"^attempts:", re.MULTILINE), re.compile(rb"^layer:", re.MULTILINE))


def may_be_scenario(path: Path) -> bool:
    """Whether a file is YAML that has `attempts:` and `layer:` at its top: all other YAML of a
    project is none of ours, be it right or wrong.
    """
    if path.suffix not in _SUFFIXES:
        return False
    try:
        with path.open("rb") as file:
            data = file.read(_LIMIT + 1)
    except OSError:
        return False
    return len(data) <= _LIMIT and all(key.search(data) for key in _KEYS)
