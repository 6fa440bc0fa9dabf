"""What the runner asks of an engine. What fails here raises EngineError: the lab broke. It is
EngineGone if that is because the engine went away.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from labctl.errors import EngineError
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

    def check_alive(self, services: Iterable[str]) -> None:
        """Raise ServiceError if one of these services has failed to start, or has ended. One that
        is still starting is left out.
        """
        ...

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

    def answers(self) -> bool:
        """Ask the engine whether it is there."""
        ...

    def sweep_lost(self) -> None:
        """Remove what is left of labs that broke because the engine went away."""
        ...

    def stop(self) -> None:
        """Remove all containers, networks and volumes of this run, for good: whoever waits for one
        of them gets EngineError.
        """
        ...

    def sweep(self) -> None:
        """Remove all containers, networks and volumes of this run from the engine."""
        ...

    def trouble(self) -> EngineError | None:
        """Return what to tell of things that the engine did not let go of; None if it did. It costs
        no attempt anything.
        """
        ...
