"""The engines that labctl knows, and the one that answers on this machine.

Verbs and the plugin open an engine here and know no more of it. A new engine is one more entry of
ENGINES.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labctl.engine import cleanup, labels
from labctl.engine.cleanup import Leftovers, Removed
from labctl.engine.container_engine import ContainerEngine
from labctl.engine.docker.connect import connect, sdk_errors
from labctl.engine.docker.dialect import dialect_of
from labctl.engine.docker.runtime import DockerRuntime
from labctl.engine.images import ImageStore
from labctl.engine.images.docker import DockerImages
from labctl.engine.protocol import Engine
from labctl.engine.runtime import Runtime, doing
from labctl.errors import EngineError

if TYPE_CHECKING:
    from labctl.model.check import Check


@dataclass(frozen=True)
class EngineAccess:
    """An engine that answers: the way to all that labctl does on it."""

    runtime: Runtime
    make_images: Callable[[], ImageStore]
    checks: Callable[[], Iterator[Check]]
    """What a doctor should know of this kind of engine, besides what it tries on any."""

    @property
    def isolates_networks(self) -> bool:
        """Whether the engine by itself keeps clients from the host and the outside."""
        return self.runtime.isolates_networks

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


def _open_docker() -> EngineAccess:
    """Connect to Docker, and return the access to it. Raise EngineError if no engine answers."""
    client = connect()
    with doing("asking the engine what it is"), sdk_errors():
        dialect = dialect_of(client.version())

    def checks() -> Iterator[Check]:
        from labctl.engine.docker import doctor  # noqa: PLC0415 only a doctor pays for it

        return doctor.checks(client)

    return EngineAccess(
        runtime=DockerRuntime(client, dialect),
        make_images=lambda: ImageStore(DockerImages(client, dialect)),
        checks=checks,
    )


ENGINES: Mapping[str, Callable[[], EngineAccess]] = {"docker": _open_docker}
"""How each engine is opened, by its name, in the order in which they are tried. Opening raises
EngineError where the engine doesn't answer.
"""


def open_engine() -> EngineAccess:
    """Open the first engine that answers. Raises the EngineError of the first one if none does."""
    refusals: list[EngineError] = []
    for open_one in ENGINES.values():
        try:
            return open_one()
        except EngineError as refusal:
            refusals.append(refusal)
    raise refusals[0]
