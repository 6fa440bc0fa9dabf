"""Modules of labctl as another system would have them, beside the real ones."""

from __future__ import annotations

import errno
import fcntl
import importlib.util
import os
import struct
import subprocess
import sys
import types

import pytest

LK_NBLCK = 2


def locking(fd: int, _mode: int, number: int) -> None:
    """What msvcrt.locking does, with the locks of Linux that belong to an open file, too."""
    start = os.lseek(fd, 0, os.SEEK_CUR)
    wanted = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, start, number, 0)
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, wanted)
    except BlockingIOError:
        raise PermissionError(errno.EACCES, "Permission denied") from None


def on_windows(module: str) -> types.ModuleType:
    """A fresh copy of a module of labctl, made as on Windows."""
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.loader is not None
    copy = importlib.util.module_from_spec(spec)
    msvcrt = types.ModuleType("msvcrt")
    vars(msvcrt).update(LK_NBLCK=LK_NBLCK, locking=locking)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "platform", "win32")
        patch.setitem(sys.modules, "msvcrt", msvcrt)
        patch.setattr(os, "O_NOINHERIT", os.O_CLOEXEC, raising=False)
        patch.setattr(subprocess, "CREATE_NO_WINDOW", 1, raising=False)
        patch.setattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 2, raising=False)
        spec.loader.exec_module(copy)
    return copy
