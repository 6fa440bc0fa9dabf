"""The folders of files that labctl brings along: scenarios, Compose files, exercises."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

_PACKAGE = Path(__file__).parents[1]


def bundled_folder(name: Literal["scenarios", "compose", "exercises"]) -> Path:
    """Return the path of a bundled folder: in the wheel, or beside the package in a checkout."""
    packaged = _PACKAGE / "share" / name
    return packaged if packaged.is_dir() else _PACKAGE.parent / name


def bundled_compose() -> Path:
    """Return the path of labctl's own Compose file, which scenarios use that name none."""
    return bundled_folder("compose") / "lab.yaml"
