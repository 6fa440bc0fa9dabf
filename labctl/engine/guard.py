"""Cleans up after a labctl that was killed.

A process of its own holds the other end of a pipe. When the pipe closes and nobody said `done`,
it removes what carries the run's label. Neither Ctrl-C nor SIGKILL of labctl hurts it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_DONE = b"done"
_LATE_S = 2.0
_PROGRAM = "import sys; sys.path[:] = {path!r}; from labctl.engine.guard import main; main({run!r})"
"""The same modules as ours, wherever they are: the guard must not fail for want of one."""


@contextmanager
def guarded(run: str) -> Iterator[None]:
    """Start a guard process that removes what is left of the run if this process dies meanwhile."""
    guard = subprocess.Popen(
        [sys.executable, "-I", "-c", _PROGRAM.format(path=sys.path, run=run)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        with suppress(BrokenPipeError):
            guard.communicate(_DONE)


def main(run: str) -> None:
    """Wait for the end of the process that started this one, and remove what it left of the run."""
    if sys.stdin.buffer.read() == _DONE:
        return
    from labctl.engine.access import open_engine  # noqa: PLC0415 only a guard that must act pays

    engine = open_engine()
    engine.sweep(run)
    # What the engine was still making when labctl was killed is there a moment later.
    time.sleep(_LATE_S)
    engine.sweep(run)
