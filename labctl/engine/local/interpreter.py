"""A copy of the interpreter in memory, for processes that programs may look at as their own.

A process that has executed a file can open that file (/proc/self/exe), and change its mode if it is
its owner. A program could do so to the machine's Python before it is executed itself.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from functools import cache
from pathlib import Path

_OWN = Path("/proc/self/exe")
_EXECUTABLE = 0x10
"""MFD_EXEC: it may be executed, whatever vm.memfd_noexec says by default (Linux 6.3 and later)."""
_SEAL_EXEC = 0x20
"""F_SEAL_EXEC: nobody may change whether it can be executed (Linux 6.3 and later)."""
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


@cache
def interpreter_copy() -> int:
    """Make a copy of the interpreter that nobody can change, and return its descriptor, the same
    one each time. Raise OSError if this kernel lets nobody execute such files.
    """
    flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    seals = _SEALS | _SEAL_EXEC
    try:
        copy = os.memfd_create("labctl-python", flags | _EXECUTABLE)
    except PermissionError:
        raise
    except OSError:  # an older kernel
        copy, seals = os.memfd_create("labctl-python", flags), _SEALS
    with _OWN.open("rb") as own, os.fdopen(os.dup(copy), "wb") as file:
        shutil.copyfileobj(own, file)
    os.fchmod(copy, 0o755)
    fcntl.fcntl(copy, fcntl.F_ADD_SEALS, seals)
    return copy
