"""The exercises that have names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from labctl.load.bundled import bundled_compose, bundled_folder
from labctl.load.exercise import Exercises
from labctl.run.selection import catalogue


def exercises(folders: Sequence[Path]) -> Exercises:
    """Return the bundled exercises, and those of the folders given with --exercises."""
    return Exercises([bundled_folder("exercises"), *folders], catalogue(()), bundled_compose())
