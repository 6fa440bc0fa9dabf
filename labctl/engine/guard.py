"""Cleans up after a labctl that was killed.

A process of its own holds the other end of a pipe. When the pipe closes and nobody said `done`,
it removes what carries the run's label. Neither Ctrl-C nor SIGKILL of labctl hurts it. A labctl
that could not remove everything itself, because the engine has gone, says nothing either.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from labctl.engine import sessions
from labctl.errors import EngineError

if TYPE_CHECKING:
    from labctl.engine.access import EngineAccess

_DONE = b"done"
_LATE_S = 2.0
_PATIENCE_S = 15 * 60.0
"""How long a guard goes on trying. After that, `labctl clean` is the way."""
_LONGEST_PAUSE_S = 10.0
_PROGRAM = """
import sys
if sys.stdin.buffer.read() != {done!r}:
    sys.path[:] = {path!r}
    from labctl.engine.guard import remove_leftovers
    remove_leftovers({engine!r}, {run!r})
"""
"""The guard imports nothing unless it must act, since every run starts one. Then it takes the same
modules as ours, wherever they are: it must not fail for want of one.
"""


class Guard:
    """What to tell the guard process at the end."""

    stays = False
    """Whether it is to go on where this process stops."""

    def stay(self) -> None:
        """Leave it to the guard to remove what is left, also after this process has ended."""
        self.stays = True


@contextmanager
def guarded(access: EngineAccess, run: str) -> Iterator[Guard]:
    """Start a guard process that removes what is left of the run on this engine if this process
    dies meanwhile, or asks for it. An engine whose labs end with this process needs none.
    """
    told = Guard()
    if access.ends_with_labctl:
        yield told
        return
    program = _PROGRAM.format(done=_DONE, path=sys.path, engine=str(access.name), run=run)
    guard = sessions.start([sys.executable, "-I", "-S", "-c", program], stdin=subprocess.PIPE)
    try:
        yield told
    finally:
        with suppress(BrokenPipeError):
            if told.stays and guard.stdin is not None:
                guard.stdin.close()
            else:
                guard.communicate(_DONE)


def remove_leftovers(engine: str, run: str) -> None:
    """Remove what a labctl has left of a run on the engine of this name, and what comes late. While
    the engine does not answer, or can't remove everything, try again.
    """
    deadline = time.monotonic() + _PATIENCE_S
    pause_s = _LATE_S
    while not _is_removed(engine, run) and time.monotonic() < deadline:
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _is_removed(engine: str, run: str) -> bool:
    """Remove what is left of a run, and return whether that was possible."""
    from labctl.engine.access import open_named  # noqa: PLC0415 only a guard that must act pays

    try:
        access = open_named(engine)
        access.sweep(run)
        # What the engine was still making when labctl was killed is there a moment later.
        time.sleep(_LATE_S)
        return not access.sweep(run).held
    except EngineError:
        return False
