"""An engine that answers, whichever it is: the way to all that labctl does on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labctl.engine import cleanup, labels
from labctl.engine.cleanup import Leftovers, Removed
from labctl.engine.container_engine import ContainerEngine
from labctl.engine.images.own import OwnImages
from labctl.engine.protocol import Engine
from labctl.engine.runtime import Runtime
from labctl.errors import EngineError

if TYPE_CHECKING:
    from labctl.engine.images.store import ImageStore
    from labctl.model.check import Check


def _nothing() -> None:
    """Try nothing: where an engine like this answers, it can run labs."""


def _no_weakness() -> EngineError | None:
    """Return nothing: what is weak on such an engine, a doctor finds out by trying."""
    return None


@dataclass(frozen=True, kw_only=True)
class EngineAccess:
    """An engine that answers. What opens one makes this of it."""

    name: str
    """What it is called in ENGINES."""
    runtime: Runtime
    make_images: Callable[[], ImageStore]
    checks: Callable[[], Iterator[Check]]
    """What a doctor should know of this kind of engine, besides what it tries on any."""
    try_out: Callable[[], None] = _nothing
    """Raises EngineError if labs can't be run there at all."""
    weakness: Callable[[], EngineError | None] = _no_weakness
    """Returns what a hostile client could do there, as a warning for those who grade."""
    own_images: OwnImages | None = None
    """The images that users load from files; None if the engine itself has a command for that."""
    ends_with_labctl: bool = False
    """Whether its labs end when the process ends that made them, whatever ends it."""

    @property
    def is_here(self) -> bool:
        """Whether the engine is on this machine."""
        return self.runtime.is_here

    def images(self) -> ImageStore:
        """Return the store of the images on this engine."""
        return self.make_images()

    def for_run(self, run: str, *, keep: bool = False) -> Engine:
        """Return the engine for one run. Nothing is started yet. With `keep`, its labs are left
        running for people to look at.
        """
        return ContainerEngine(self.runtime, self.images().find, run=run, keep=keep)

    def listing_command(self, run: str) -> str:
        """Return a shell command that lists the containers of a run, for people to type."""
        return self.runtime.listing_command(f"{labels.RUN}={run}")

    def leftovers(self) -> dict[str, Leftovers]:
        """Ask the engine what each run has on it, by the run's id."""
        return cleanup.leftovers(self.runtime)

    def sweep(self, run: str) -> Removed:
        """Remove all containers, networks and volumes of a run, and return how many there were."""
        return cleanup.sweep(self.runtime, run)

    def sweep_all(self, *, running: bool, run: str = "") -> Removed:
        """Remove what runs left behind, or one `run`: what is over, and with `running` the labs of
        those at work, too. Return how many things were removed.
        """
        return cleanup.sweep_all(self.runtime, running=running, run=run)
