"""The Engine of one run: labs on whatever Runtime there is."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network

from labctl.engine import cleanup
from labctl.engine.addresses import address_book, candidate_subnets, gateway, tap_range
from labctl.engine.lab import RunningLab
from labctl.engine.lab_containers import LabContainers
from labctl.engine.labels import Labels
from labctl.engine.runtime import NetworkSpec, ResourceKind, Runtime, SubnetTaken, doing
from labctl.errors import EngineError
from labctl.model.plan import PlannedLab
from labctl.model.result import EngineInfo

EVENTS_LABEL = "labctl.events"
"""The label of images whose programs write events and have a lifeline: labctl's own."""


class ContainerEngine:
    """Starts and removes the labs of one run; implements labctl.engine.protocol.Engine."""

    def __init__(self, runtime: Runtime, *, run: str, keep: bool = False) -> None:
        """Take the id of the run. With `keep`, its labs are left running for people to look at."""
        self._runtime = runtime
        self._run = run
        self._keep = keep
        self._labels = Labels(run=run, keep=keep)
        self._stopped = threading.Event()

    def info(self) -> EngineInfo:
        """Ask the engine for its name and version."""
        with doing("asking the engine what it is"):
            return self._runtime.info()

    @contextlib.contextmanager
    def lab(self, lab: PlannedLab) -> Iterator[RunningLab]:
        """Start a lab's network and services; remove its network and containers when the context
        ends, unless the lab is to be kept. Raise EngineError if it can't be started.
        """
        speaking = self._speaking_images(lab)
        labels = self._labels.of(lab.scenarios)
        name = f"labctl-{self._run}-{secrets.token_hex(2)}"
        subnet, network = self._create_network(name, labels)
        containers = LabContainers(
            self._runtime,
            lab=name,
            labels=labels,
            keep=self._keep,
            check_running=self._check_running,
        )
        try:
            running = RunningLab(
                lab,
                containers,
                network=name,
                addresses=address_book(lab.services, subnet),
                speaking_images=speaking,
            )
            try:
                yield running
            finally:
                running.stop()
                if not self._keep:
                    containers.remove_all()
        finally:
            if not self._keep:
                with doing("removing the lab's network"):
                    cleanup.remove(self._runtime, ResourceKind.NETWORK, network)

    def stop(self) -> None:
        """Remove all containers, networks and volumes of this run, and start none any more. Whoever
        waits for one of them gets EngineError. `sweep` can still be called.
        """
        self._stopped.set()
        self.sweep()

    def sweep(self) -> None:
        """Remove all containers, networks and volumes of this run from the engine."""
        cleanup.sweep(self._runtime, self._run)

    def _check_running(self) -> None:
        """Raise EngineError if the run has been stopped."""
        if self._stopped.is_set():
            raise EngineError("the run was stopped")

    def _speaking_images(self, lab: PlannedLab) -> set[str]:
        """Ask the engine for the images of the lab's services, and return those that are labctl's
        own. Raise EngineError if the engine lacks one.
        """
        labels: dict[str, Mapping[str, str]] = {}
        for service in lab.services:
            if service.image in labels:
                continue
            with doing("looking for images"):
                found = self._runtime.image_labels(service.image)
            if found is None:
                raise EngineError(
                    f"the engine has no image {service.image}, which service {service.name} needs",
                    hint=f"pull {service.image}, or build it and give it that name",
                )
            labels[service.image] = found
        return {image for image, found in labels.items() if EVENTS_LABEL in found}

    def _create_network(self, name: str, labels: Mapping[str, str]) -> tuple[IPv4Network, str]:
        """Make the lab's network on a free subnet. Return the subnet, and the network's id. Raise
        EngineError if no subnet is free.
        """
        for subnet in candidate_subnets():
            self._check_running()
            spec = NetworkSpec(
                name=name,
                subnet=subnet,
                gateway=gateway(subnet),
                dynamic_range=tap_range(subnet),
                labels=labels,
            )
            with doing("creating the lab's network"), contextlib.suppress(SubnetTaken):
                return subnet, self._runtime.create_network(spec)
        raise EngineError(
            "no free subnet is left in 198.18.0.0/15",
            hint="`labctl clean --all` removes the labs that are left on this engine",
        )
