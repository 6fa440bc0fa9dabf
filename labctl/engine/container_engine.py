"""The Engine of one run: labs on whatever Runtime there is."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Mapping

from labctl.engine import cleanup
from labctl.engine.addresses import SUBNET, address_book, gateway
from labctl.engine.lab import RunningLab
from labctl.engine.lab_containers import LabContainers
from labctl.engine.lab_images import FindOwn, find_images
from labctl.engine.labels import Labels
from labctl.engine.presence import Presence
from labctl.engine.run_resources import RunResources
from labctl.engine.runtime import (
    NetworkSpec,
    ResourceKind,
    Runtime,
    Unreachable,
    doing,
)
from labctl.errors import EngineError, EngineGone
from labctl.model.plan import PlannedLab
from labctl.model.result import EngineInfo


class ContainerEngine:
    """Starts and removes the labs of one run; implements labctl.engine.protocol.Engine."""

    def __init__(
        self, runtime: Runtime, find_own: FindOwn, *, run: str, keep: bool = False
    ) -> None:
        """Take what finds labctl's own images, and the id of the run. With `keep`, its labs are
        left running for people to look at.
        """
        self._runtime = runtime
        self._find_own = find_own
        self._run = run
        self._keep = keep
        self._labels = Labels(run=run, keep=keep)
        self._resources = RunResources(runtime)
        self._lost: list[str] = []
        """The labs that broke because the engine went away; something of them may be left."""

    def info(self) -> EngineInfo:
        """Ask the engine for its name and version."""
        with doing("asking the engine what it is"):
            return self._runtime.info()

    @contextlib.contextmanager
    def lab(self, lab: PlannedLab) -> Iterator[RunningLab]:
        """Start a lab's network and services; remove its network and containers when the context
        ends, unless the lab is to be kept. Raise EngineError if it can't be started, and EngineGone
        if the engine goes away before the lab is removed.
        """
        name = f"labctl-{self._run}-{secrets.token_hex(2)}"
        try:
            with (
                contextlib.closing(Presence(self._runtime)) as presence,
                presence.telling(),
                self._made_lab(lab, name, presence) as running,
            ):
                yield running
        except EngineGone:
            self._lost.append(name)
            raise

    @contextlib.contextmanager
    def _made_lab(self, lab: PlannedLab, name: str, presence: Presence) -> Iterator[RunningLab]:
        """Start a lab of this name, and remove it, as `lab` does."""
        images = find_images(self._runtime, self._find_own, lab.services)
        labels = self._labels.of(lab.scenarios, lab=name)
        network = self._create_network(name, labels)
        containers = LabContainers(
            self._runtime, self._resources, lab=name, labels=labels, keep=self._keep
        )
        try:
            running = RunningLab(
                lab,
                containers,
                network=name,
                addresses=address_book(lab.services, SUBNET),
                images=images,
                presence=presence,
            )
            try:
                running.start()
                yield running
            finally:
                running.stop()
        finally:
            if not self._keep:
                with doing("removing the lab's network"):
                    self._resources.discard(ResourceKind.NETWORK, network)

    def answers(self) -> bool:
        """Ask the engine whether it is there."""
        try:
            self._runtime.ping()
        except Unreachable:
            return False
        return True

    def sweep_lost(self) -> None:
        """Remove what is left of labs that broke because the engine went away, kept or not."""
        for name in tuple(self._lost):
            self._resources.held += cleanup.sweep_lab(self._resources, name).held
            self._lost.remove(name)

    def stop(self) -> None:
        """Remove all containers, networks and volumes of this run, and start none any more. Whoever
        waits for one of them gets EngineError. `sweep` can still be called.
        """
        self._resources.close()
        self.sweep()

    def sweep(self) -> None:
        """Remove all containers, networks and volumes of this run from the engine."""
        self._resources.held[:] = cleanup.sweep(self._resources, self._run).held

    def trouble(self) -> EngineError | None:
        """Return what to tell of things that the engine did not let go of; None if it did."""
        held = self._resources.held
        return cleanup.held_error(held) if held else None

    def _create_network(self, name: str, labels: Mapping[str, str]) -> str:
        """Make the lab's network, and return its id."""
        spec = NetworkSpec(name=name, subnet=SUBNET, gateway=gateway(SUBNET), labels=labels)
        with self._resources.making(), doing("creating the lab's network"):
            return self._runtime.create_network(spec)
