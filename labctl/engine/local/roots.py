"""Root file systems as folders of this machine."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import subprocess
from pathlib import Path

from labctl.warden.tree import inside

_KERNELS = ("dev", "proc", "sys")
"""What the kernel's own files are mounted on: no links."""
_MOUNT_POINTS = (*_KERNELS, "tmp")
_SHARED_FILES = ("hosts", "hostname", "resolv.conf")


def remove_tree(folder: Path) -> None:
    """Remove a folder with all that is in it, whatever its permissions; nothing if it has gone.
    Others may be removing it, too.
    """
    with contextlib.suppress(PermissionError):
        _remove(folder)
    if os.path.lexists(folder):
        _open_folders(folder)
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder with all that is in it, but not what goes meanwhile."""

    def go_on(_function: object, _path: str, error: tuple[object, BaseException, object]) -> None:
        if not isinstance(error[1], FileNotFoundError):
            raise error[1]

    shutil.rmtree(folder, onerror=go_on)


def _open_folders(folder: Path) -> None:
    """Let the owner of a folder, and of all below it, read and change them."""
    with contextlib.suppress(FileNotFoundError):
        folder.chmod(0o700)
        for entry in list(os.scandir(folder)):
            if entry.is_dir(follow_symlinks=False):
                _open_folders(Path(entry.path))


def copy_tree(source: Path, target: Path) -> None:
    """Copy all that is in a folder into another one that is there, with owners and permissions as
    far as this user may give them. Raise OSError if that fails.
    """
    done = subprocess.run(
        ["cp", "-a", f"{source}/.", str(target)], capture_output=True, check=False, text=True
    )
    if done.returncode:
        reason = done.stderr.strip().rpartition("\n")[2] or f"cp ended with {done.returncode}"
        is_full = os.strerror(errno.ENOSPC) in reason
        raise OSError(errno.ENOSPC if is_full else errno.EIO, reason)


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
            (folder / name).chmod(0o644)


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
