"""The process of a warden: how it is started, and that its end is waited for."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import IO

import labctl.warden
from labctl.engine import sessions
from labctl.engine.labels import OWNER_VARIABLE
from labctl.engine.local.interpreter import interpreter_copy
from labctl.engine.runtime import Refusal

_PROGRAM = Path(labctl.warden.__file__).with_name("__main__.py")
_KEPT = ("PATH", "LD_LIBRARY_PATH", OWNER_VARIABLE)
FEW_PROCESSES = "this user may have too few processes: see `ulimit -u`"
_NO_COPY = "labs need files in memory that can be executed: see vm.memfd_noexec (sysctl)"
_HINTS = {
    errno.EACCES: _NO_COPY,
    errno.EPERM: _NO_COPY,
    errno.EAGAIN: FEW_PROCESSES,
    errno.EMFILE: "this user may have too few open files: see `ulimit -n`",
    errno.ENOENT: "labs need /proc to be mounted",
}
"""What to do where the process of a warden can't be started, by the number of the error."""


def start_process(descriptor: int, said: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start the process of a warden, with a channel by its descriptor. Raise Refusal if that
    fails.

    A program that runs before it is confined runs as this process does. So that process executes a
    copy of the interpreter, which is in memory and sealed, and gets none of our environment.
    """
    command = [sys.executable, "-I", "-S", os.fspath(_PROGRAM), str(descriptor)]
    try:
        copy = interpreter_copy()
        return sessions.start(
            command,
            executable=f"/proc/self/fd/{copy}",
            environment=_environment(),
            stderr=said,
            pass_fds=(descriptor, copy),
        )
    except OSError as error:
        raise Refusal(
            f"a lab cannot be started: {error}", hint=_HINTS.get(error.errno or 0, "")
        ) from error


def ends_within(process: subprocess.Popen[bytes], limit_s: float) -> bool:
    """Wait for the end of a process, no longer than this, and tell whether it has come. Popen.wait
    looks from time to time only.
    """
    try:
        file = os.pidfd_open(process.pid)
    except OSError:  # it has ended, or there are no such files here
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(limit_s)
        return process.poll() is not None
    try:
        ending = select.poll()
        ending.register(file, select.POLLIN)
        has_ended = bool(ending.poll(limit_s * 1000))
    finally:
        os.close(file)
    if has_ended:
        process.wait()  # Popen.poll knows nothing while another thread asks
    return has_ended


def _environment() -> dict[str, str]:
    """Return the environment of a warden's process: where programs and libraries are, and whose the
    labs are.
    """
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    folders = [*_library_folders(), *filter(None, [kept.get("LD_LIBRARY_PATH", "")])]
    return {**kept, "LD_LIBRARY_PATH": ":".join(folders)} if folders else kept


@cache
def _library_folders() -> tuple[str, ...]:
    """Return the folders of Python's own libraries: a copy of the interpreter would look for them
    beside itself.
    """
    found = {
        line.rstrip("\n").rpartition("/")[0].partition("/")[2]
        for line in Path("/proc/self/maps").read_text("utf-8", "replace").splitlines()
        if "/libpython" in line
    }
    return tuple(f"/{folder}" for folder in sorted(found))
