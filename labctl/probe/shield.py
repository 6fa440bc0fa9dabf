"""Protection of this process against others of the same user: nobody may trace or write to it."""

from __future__ import annotations

_PR_SET_DUMPABLE = 4
"""PR_SET_DUMPABLE of <linux/prctl.h>; see prctl(2).

Nobody can trace a process that isn't dumpable, and its memory and descriptors in /proc belong to
root. Without this, every process of the same user could change the process.
"""


def shield() -> None:
    """Make this process undumpable. Programs that it executes are dumpable again.

    Raise OSError if the kernel refuses. Does nothing on a Python without libffi.
    """
    try:
        # `import ctypes` takes three times as long.
        import _ctypes  # noqa: PLC0415
    except ImportError:
        return  # a Python built without libffi has no other way to the system call

    int_type = type("c_int", (_ctypes._SimpleCData,), {"_type_": "i"})  # noqa: SLF001
    members = {"_flags_": _ctypes.FUNCFLAG_CDECL, "_restype_": int_type}
    function = type("function", (_ctypes.CFuncPtr,), members)
    program = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]
    prctl = function(_ctypes.dlsym(program, "prctl"))
    if prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError("prctl(PR_SET_DUMPABLE) failed: the client could write the report")
