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
_PROGRAM = """
import sys
if sys.stdin.buffer.read() != {done!r}:
    sys.path[:] = {path!r}
    from labctl.engine.guard import remove_leftovers
    remove_leftovers({run!r})
"""
"""The guard imports nothing unless it must act, since every run starts one. Then it takes the same
modules as ours, wherever they are: it must not fail for want of one.
"""


@contextmanager
def guarded(run: str) -> Iterator[None]:
    """Start a guard process that removes what is left of the run if this process dies meanwhile."""
    guard = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _PROGRAM.format(done=_DONE, path=sys.path, run=run)],
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


def remove_leftovers(run: str) -> None:
    """Remove what a labctl that was killed has left of a run on the engine, and what comes late."""
    from labctl.engine.access import open_engine  # noqa: PLC0415 only a guard that must act pays

    engine = open_engine()
    engine.sweep(run)
    # What the engine was still making when labctl was killed is there a moment later.
    time.sleep(_LATE_S)
    engine.sweep(run)
