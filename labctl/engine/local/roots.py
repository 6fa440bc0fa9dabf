"""Root file systems as folders of this machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from pathlib import Path
from typing import Any

_MOUNT_POINTS = ("dev", "proc", "sys", "tmp")
_SHARED_FILES = ("etc/hosts", "etc/hostname", "etc/resolv.conf")


def remove_tree(folder: Path) -> None:
    """Remove a folder with all that is in it, whatever its permissions; nothing if it has gone."""

    def make_writable(function: Any, path: str, _: object) -> None:
        with contextlib.suppress(FileNotFoundError):
            Path(path).parent.chmod(0o700)
            if stat.S_ISDIR(os.lstat(path).st_mode):
                Path(path).chmod(0o700)
                shutil.rmtree(path, ignore_errors=True)
            else:
                function(path)

    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder, onerror=make_writable)


def size_of(root: Path) -> int:
    """Return how many bytes the files below a folder have."""
    total = 0
    for folder, _, names in os.walk(root):
        for name in names:
            total += Path(folder, name).lstat().st_size
    return total


def add_mount_points(root: Path) -> None:
    """Add what a lab mounts something on, where an image lacks it."""
    for name in _MOUNT_POINTS:
        if not (root / name).is_symlink():
            (root / name).mkdir(exist_ok=True)
    if not (root / "etc").exists():
        (root / "etc").mkdir()
    for name in _SHARED_FILES:
        if not (root / name).exists() and not (root / name).is_symlink():
            (root / name).touch()
