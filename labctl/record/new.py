"""A new scenario's file."""

from __future__ import annotations

import re
from pathlib import Path

from labctl.errors import UsageError, did_you_mean
from labctl.load.catalogue import is_scenario
from labctl.model.base import NAME_PATTERN
from labctl.model.layers import LAYERS
from labctl.record.template import template
from labctl.run.selection import catalogue


def write_new_scenario(name: str, layer: str, folder: Path) -> Path:
    """Write a scenario to start from, and return its file; makes the folder if it isn't there.

    Raise UsageError if the file can't be written, or is there already.
    """
    _check(name, layer)
    path = folder / f"{name}.yaml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as written:
            written.write(template(name, layer))
    except FileExistsError:
        what = path if path.exists() or path.is_symlink() else folder
        raise UsageError(
            f"{what} is there already", hint="choose another name, or another --directory"
        ) from None
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}",
            hint="give --directory a folder that you may write to",
        ) from error
    return path


def _check(name: str, layer: str) -> None:
    """Raise UsageError if a new scenario can't have this name or layer."""
    if not re.fullmatch(NAME_PATTERN, name):
        raise UsageError(
            f"{name!r} can't be a scenario's name",
            hint="use at most 63 small letters, digits, dots, dashes and underscores; "
            "the folder goes to --directory",
        )
    if not is_scenario(f"{name}.yaml"):
        raise UsageError(f"Compose files are called {name}.yaml", hint="choose another name")
    if name in catalogue(()).names():
        raise UsageError(f"labctl has a scenario called {name}", hint="choose another name")
    if layer not in LAYERS:
        raise UsageError(
            f"there is no layer {layer}{did_you_mean(layer, LAYERS)}",
            hint=f"there are {', '.join(LAYERS)}",
        )
