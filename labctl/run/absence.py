"""Waiting for an engine that went away in the middle of a run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from labctl.engine.protocol import Engine
from labctl.errors import EngineError, EngineGone

PATIENCE_S = 60.0
"""How long an engine is waited for: longer than a restart takes, with many labs on it."""
STARTS = 4
"""How often a lab is started, at the most, if the engine goes away again and again."""
GONE = f"labctl: the engine does not answer; waiting up to {PATIENCE_S:g} s"
_MOMENT_S = 0.25


class EngineAbsence:
    """Waits for an engine that went away, for all threads of a run. One that stays away once is not
    waited for again.
    """

    def __init__(
        self, engine: Engine, is_stopped: threading.Event, tell: Callable[[], None],
        note: Callable[[EngineError], None],
    ) -> None:  # fmt: skip
        """Take the engine, and the event of the run's stop, which ends the waiting. `tell` is
        called, in any thread, when an absence begins that takes a while; `note` with what keeps
        an engine that is back from removing what it still has of labs that broke.
        """
        self._engine = engine
        self._is_stopped = is_stopped
        self._tell = tell
        self._note = note
        self._lock = threading.Lock()
        self._has_given_up = False

    def wait_for_end(self) -> None:
        """Wait until the engine answers, and remove what it still has of labs that broke. If it
        goes away meanwhile, wait on. Raise EngineGone if it is not back within a minute, and at
        once after the first time; or if the run is stopped.
        """
        with self._lock:
            deadline = time.monotonic() + PATIENCE_S
            has_told = False
            while not self._is_back():
                if self._has_given_up or time.monotonic() > deadline or self._is_stopped.is_set():
                    self._has_given_up = True
                    raise _stayed_away()
                if not has_told:
                    self._tell()
                has_told = True
                self._is_stopped.wait(_MOMENT_S)

    def _is_back(self) -> bool:
        """Tell whether the engine answers, and goes on answering until it has removed what it still
        has of labs that broke. New labs can be made beside what it could not remove.
        """
        if not self._engine.answers():
            return False
        try:
            self._engine.sweep_lost()
        except EngineGone:
            return False
        except EngineError as error:
            self._note(error)
        return True


def _stayed_away() -> EngineGone:
    """Return the error for an engine that does not come back."""
    return EngineGone(
        f"the engine went away, and did not answer for {PATIENCE_S:g} s",
        hint="start it again; `labctl clean` removes what it still has of the labs",
    )
