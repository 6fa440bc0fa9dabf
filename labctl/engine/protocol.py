"""What the runner asks of an engine. What fails here raises EngineError: the lab broke."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from labctl.model.evidence import Evidence
from labctl.model.plan import PlannedAttempt, PlannedLab
from labctl.model.result import EngineInfo


class Tap(Protocol):
    """A network namespace in a lab that attempts run in, one at a time."""

    def attempt(
        self, attempt: PlannedAttempt, *, limit_s: float, upcoming: PlannedAttempt | None = None
    ) -> Evidence:
        """Run one client in a fresh container, and return what it left behind; after `limit_s`
        seconds it is ended. `upcoming` is the attempt that comes next in this tap, so that it can
        be prepared meanwhile.
        """
        ...


class Lab(Protocol):
    """A running lab."""

    def tap(self) -> AbstractContextManager[Tap]:
        """Start a tap of the caller's own, and stop it when the context ends."""
        ...


class Engine(Protocol):
    """What labs run on."""

    def info(self) -> EngineInfo:
        """Ask the engine for its name and version."""
        ...

    def lab(self, lab: PlannedLab) -> AbstractContextManager[Lab]:
        """Start a lab, and remove it when the context ends."""
        ...

    def stop(self) -> None:
        """Remove all containers, networks and volumes of this run, for good: whoever waits for one
        of them gets EngineError.
        """
        ...

    def sweep(self) -> None:
        """Remove all containers, networks and volumes of this run from the engine."""
        ...
