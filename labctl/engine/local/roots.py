"""Root file systems as folders of this machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from pathlib import Path
from typing import Any

from labctl.warden.tree import inside

_KERNELS = ("dev", "proc", "sys")
"""What the kernel's own files are mounted on: no links."""
_MOUNT_POINTS = (*_KERNELS, "tmp")
_SHARED_FILES = ("hosts", "hostname", "resolv.conf")


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
    """Add what a lab mounts something on, where an image lacks it, or has something else there.
    Links that an image has are followed inside of it alone.
    """
    for name in _MOUNT_POINTS:
        _make_folder(root, name, may_be_link=name not in _KERNELS)
    folder = _make_folder(root, "etc", may_be_link=True)
    for name in _SHARED_FILES:
        if not os.path.lexists(folder / name):
            (folder / name).touch()


def _make_folder(root: Path, name: str, *, may_be_link: bool) -> Path:
    """Make a folder in a root file system if there is none, in place of what is there, and return
    where it is.
    """
    with contextlib.suppress(OSError):  # links in a circle
        place = Path(inside(str(root), name)) if may_be_link else root / name
        if stat.S_ISDIR(place.lstat().st_mode):
            return place
    place = root / name
    place.unlink(missing_ok=True)
    place.mkdir()
    place.chmod(0o755)
    return place
