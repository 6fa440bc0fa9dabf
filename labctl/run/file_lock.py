"""Locks between processes of one user, on files: shared or alone; each ends with its process."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_MOMENT_S = 0.1
_SHARES = 64
"""How many can share a lock on Windows: each locks one byte of the file, and who is alone all."""

if sys.platform == "win32":
    import msvcrt

    _USER = ""  # the folder is the user's own
    _FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOINHERIT

    def _try_lock(fd: int, *, alone: bool) -> bool:
        """Take a lock, with others or alone, and return whether that was possible at once. Where
        files can't be locked, it counts as taken.
        """
        if alone:
            return _try_bytes(fd, 0, _SHARES)
        return any(_try_bytes(fd, place, 1) for place in range(_SHARES))

    def _try_bytes(fd: int, first: int, number: int) -> bool:
        """Lock some bytes of a file, and return whether nobody else had one of them."""
        os.lseek(fd, first, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, number)
        except PermissionError:
            return False
        except OSError:
            return True
        return True

else:
    import fcntl

    _USER = f"-{os.getuid()}"
    _FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW

    def _try_lock(fd: int, *, alone: bool) -> bool:
        """Take a lock, with others or alone, and return whether that was possible at once. Where
        files can't be locked, it counts as taken.
        """
        try:
            fcntl.flock(fd, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True


@contextmanager
def locked(
    name: str,
    *,
    alone: bool,
    folder: Path | None = None,
    gives_up: Callable[[], bool] = lambda: False,
) -> Iterator[None]:
    """Hold a lock inside the block, with others or alone; wait for it until somebody `gives_up`.
    Its file is in a folder of this user on this machine by default. Where there can be no lock,
    hold nothing.
    """
    fd = _open(name, folder)
    if fd is None:
        yield
        return
    try:
        while not (_try_lock(fd, alone=alone) or gives_up()):
            time.sleep(_MOMENT_S)
        yield
    finally:
        os.close(fd)


def _open(name: str, folder: Path | None) -> int | None:
    """Open the file of a lock; return None if there can be none."""
    place = folder or Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    try:
        return os.open(place / f"labctl{_USER}.{name}", _FLAGS, 0o600)
    except OSError:
        return None
