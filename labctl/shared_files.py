"""Where scenarios and Compose files are: in the wheel, or beside the package in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def share(name: str) -> Path:
    """The folder `scenarios` or `compose` that came with this labctl."""
    packaged = _PACKAGE / "share" / name
    return packaged if packaged.is_dir() else _PACKAGE.parent / name
