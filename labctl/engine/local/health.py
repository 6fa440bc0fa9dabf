"""The health of a container, by the check that its Compose entry has."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from labctl.engine.runtime import CheckResult
from labctl.model.compose import Healthcheck

RunCheck = Callable[[tuple[str, ...], float], CheckResult]
"""Runs a command, for so many seconds at the most."""

_SHELL = ("/bin/sh", "-c")


def command_of(check: Healthcheck) -> tuple[str, ...]:
    """Return the command of a check; empty if it is none."""
    if isinstance(check.test, str):
        return (*_SHELL, check.test)
    kind, *words = check.test
    if kind == "CMD":
        return tuple(words)
    return (*_SHELL, *words) if kind == "CMD-SHELL" else ()


class Health:
    """Makes a check again and again, in a thread of its own, until it is told to end."""

    def __init__(self, check: Healthcheck, run: RunCheck) -> None:
        """Take the check, and what runs its command."""
        self._check = check
        self._run = run
        self._command = command_of(check)
        self._is_over = threading.Event()
        self._failures = 0
        self.is_healthy: bool | None = None if self._command else True
        """None while that is not decided."""
        self.last: CheckResult | None = None
        """How the check ended the last time."""

    def begin(self) -> None:
        """Begin to check."""
        if self._command:
            threading.Thread(target=self._go_on, daemon=True).start()

    def end(self) -> None:
        """Check no more."""
        self._is_over.set()

    def _go_on(self) -> None:
        """Make the check, each time an interval after the last one."""
        began = time.monotonic()
        while not self._is_over.wait(self._check.interval):
            result = self._run(self._command, self._check.timeout)
            if self._is_over.is_set():
                return
            self.last = result
            if result.exit_code == 0:
                self._failures = 0
                self.is_healthy = True
            elif self.is_healthy or time.monotonic() - began > self._check.grace_s:
                self._failures += 1
                if self._failures >= self._check.retries:
                    self.is_healthy = False
