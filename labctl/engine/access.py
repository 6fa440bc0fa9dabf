"""The engine that this machine has: what every verb that needs one opens, whatever engine it is."""

from __future__ import annotations

from dataclasses import dataclass

import docker

from labctl.engine import cleanup
from labctl.engine.cleanup import Removed
from labctl.engine.connect import connect
from labctl.engine.docker import DockerEngine
from labctl.engine.images import ImageStore
from labctl.engine.protocol import Engine


@dataclass(frozen=True)
class EngineAccess:
    """An engine that answers."""

    _client: docker.APIClient

    def images(self) -> ImageStore:
        """The images on this engine."""
        return ImageStore(self._client)

    def for_run(self, run: str, *, keep: bool = False) -> Engine:
        """The engine for one run; `keep` leaves its labs running for people to look at."""
        return DockerEngine(self._client, run=run, keep=keep)

    def leftovers(self) -> dict[str, int]:
        """How many containers each run has on the engine."""
        return cleanup.leftovers(self._client)

    def sweep_all(self, *, running: bool) -> Removed:
        """Remove what runs left behind: kept labs and expired ones, and with `running` all."""
        return cleanup.sweep_all(self._client, running=running)


def open_engine() -> EngineAccess:
    """The engine that labs run on. Raises EngineError where none answers."""
    return EngineAccess(connect())
