"""Puts this process out of its children's reach."""

from __future__ import annotations

_PR_SET_DUMPABLE = 4
"""<linux/prctl.h>. What isn't dumpable can be traced by nobody, and its memory and descriptors
in /proc belong to root: without it, every process of the same user can change this one.
"""


def shield() -> None:
    """Make this process undumpable. Programs that it executes are dumpable again."""
    try:
        # `import ctypes` costs three times as much, for what isn't needed here.
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
