"""A tap that is replaced whenever an attempt may have left packets behind in it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from labctl.engine.protocol import Lab, Tap
from labctl.model.plan import PlannedAttempt
from labctl.run.turns import Turns

if TYPE_CHECKING:
    from labctl.run.examine import EndedAttempt


class ReplaceableTap:
    """Makes attempts in a lab, one at a time, in one tap as long as that is clean.

    A tap is dirty after an attempt that broke it, or whose packets may still turn up in it. It is
    stopped, and another one started, before the next attempt. On exit, the last one is stopped.
    """

    def __init__(self, lab: Lab) -> None:
        """Take the lab. No tap is started yet."""
        self._lab = lab
        self._stack = ExitStack()
        self._tap: Tap | None = None
        self._is_dirty = False

    def __enter__(self) -> Self:
        """Return itself. The tap starts with the first attempt."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the tap."""
        self._stack.close()

    def ready(self) -> Tap:
        """Return a clean tap. Start one if there is none, or stop a dirty one and start another.
        Raise EngineError if that fails.
        """
        if self._is_dirty:
            self._tap, self._is_dirty = None, False
            self._stack.close()
        if self._tap is None:
            self._tap = self._stack.enter_context(self._lab.tap())
        return self._tap

    def make(
        self,
        attempt: PlannedAttempt,
        turns: Turns,
        *,
        limit_s: float,
        upcoming: PlannedAttempt | None = None,
        alone: bool = False,
    ) -> EndedAttempt:
        """Make an attempt when its turn has come, and return it with its result. Raise EngineError
        if the lab broke.

        After `limit_s` seconds the client is ended. `upcoming` is the attempt that comes next in
        this tap: the engine prepares its container meanwhile. An attempt that failed, and may have
        been starved, is made once more, alone; with `alone`, the first is made so, too.
        """
        with turns.alone() if alone else turns.together():
            ended = self._make(attempt, limit_s, upcoming)
        if not ended.may_be_starved:
            return ended
        with turns.alone():
            return self._make(attempt, limit_s, None).made_again()

    def _make(
        self, attempt: PlannedAttempt, limit_s: float, upcoming: PlannedAttempt | None
    ) -> EndedAttempt:
        """Make an attempt once. If a service that it needs has failed, that is known before a tap
        is touched.
        """
        from labctl.run.examine import examine  # noqa: PLC0415 not before labs have started

        self._lab.check_alive(attempt.services)
        tap = self.ready()
        self._is_dirty = True  # unless it turns out that it is not
        ended = examine(attempt, tap.attempt(attempt, limit_s=limit_s, upcoming=upcoming))
        self._is_dirty = ended.is_dirty
        return ended
