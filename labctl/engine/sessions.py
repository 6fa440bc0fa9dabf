"""Programs in a session of their own: Ctrl-C in this terminal does not reach them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import IO

_END_S = 20


def start(
    command: Sequence[str],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int | IO[bytes] = subprocess.DEVNULL,
    stderr: int | IO[bytes] = subprocess.DEVNULL,
    pass_fds: Sequence[int] = (),
    executable: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program that leads a session of its own, with open files `pass_fds` besides. What is
    executed may be another file than the command says, and the environment another than ours.
    """
    return subprocess.Popen(
        command,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
        pass_fds=pass_fds,
        executable=executable,
        env=environment,
        creationflags=_flags(),
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """End a program and its children, which get time to tidy up where a system can ask for it."""
    for by_force in (False, True):
        if process.poll() is None:
            _signal(process, by_force=by_force)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_END_S)


if sys.platform == "win32":

    def _flags() -> int:
        """Return what makes a session here: a console of its own that nobody sees. Without any
        console, a child of the program would open a window.
        """
        return subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP

    def _signal(process: subprocess.Popen[bytes], *, by_force: bool) -> None:
        """End a program. There is no asking here, and no telling its children."""
        process.kill() if by_force else process.terminate()

else:

    def _flags() -> int:
        """Return nothing: `start_new_session` does it."""
        return 0

    def _signal(process: subprocess.Popen[bytes], *, by_force: bool) -> None:
        """Ask all processes of the session to end, or end them."""
        with contextlib.suppress(ProcessLookupError):  # another thread saw its end
            os.killpg(process.pid, signal.SIGKILL if by_force else signal.SIGTERM)
