"""Protection of this process against others of the same user: nobody may trace it, write to it, or
change its limits.
"""

from __future__ import annotations

import posix

from .call_filter import own_filter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_PR_SET_DUMPABLE = 4
"""PR_SET_DUMPABLE of <linux/prctl.h>; see prctl(2).

Nobody can trace a process that isn't dumpable, and its memory and descriptors in /proc belong to
root. Without this, every process of the same user could change the process.
"""
_PR_SET_NO_NEW_PRIVS = 38
"""Without new privileges, a process may filter its calls."""
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SET_MODE_FILTER, _SPECULATION_ALLOWED = 1, 4
"""SECCOMP_SET_MODE_FILTER and SECCOMP_FILTER_FLAG_SPEC_ALLOW; see seccomp(2). Without the latter,
older kernels make all that the client does slower.
"""


def shield() -> None:
    """Make this process undumpable, and filter the calls of those that it starts. Programs that it
    executes are dumpable again.

    Raise OSError if the kernel refuses. Does nothing on a Python without libffi.
    """
    try:
        # `import ctypes` takes three times as long.
        import _ctypes  # noqa: PLC0415
    except ImportError:
        return  # a Python built without libffi has no other way to the system calls

    int_type = type("c_int", (_ctypes._SimpleCData,), {"_type_": "i"})  # noqa: SLF001
    members = {"_flags_": _ctypes.FUNCFLAG_CDECL, "_restype_": int_type}
    function = type("function", (_ctypes.CFuncPtr,), members)
    program = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]
    prctl = function(_ctypes.dlsym(program, "prctl"))
    if prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError("prctl(PR_SET_DUMPABLE) failed: the client could write the report")
    if code := own_filter():
        if prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            raise OSError("prctl(PR_SET_NO_NEW_PRIVS) failed: the client could end the probe")
        _filter_calls(code, function(_ctypes.dlsym(program, "syscall")))


def _filter_calls(code: bytes, syscall: Callable[..., Any]) -> None:
    """Install a filter. Raise OSError if the kernel refuses."""
    import _ctypes  # noqa: PLC0415

    bases = (_ctypes._SimpleCData,)  # noqa: SLF001
    length = type("c_ushort", bases, {"_type_": "H"})
    text = type("c_char_p", bases, {"_type_": "z"})
    fields = [("length", length), ("code", text)]
    structure = type("sock_fprog", (_ctypes.Structure,), {"_fields_": fields})
    number = _SECCOMP[posix.uname().machine]
    program = _ctypes.byref(structure(len(code) // 8, code))
    if syscall(number, _SET_MODE_FILTER, _SPECULATION_ALLOWED, program) != 0:
        raise OSError("seccomp failed: the client could end the probe")
