"""One running lab: its services and its taps."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from ipaddress import IPv4Network

from labctl.engine import subnets
from labctl.engine.lab_containers import LabContainers
from labctl.engine.lab_services import LabServices
from labctl.engine.runtime import OnNetwork
from labctl.engine.service import RunningService
from labctl.engine.tap import RunningTap
from labctl.model.plan import PlannedLab


class RunningLab:
    """A lab on a network of its own. Its services start in the background."""

    def __init__(
        self, lab: PlannedLab, containers: LabContainers, *, network: str, subnet: IPv4Network,
        speaking_images: Collection[str],
    ) -> None:  # fmt: skip
        """Begin to start every service.

        `speaking_images` are the lab's own, whose programs write events and have a lifeline.
        """
        self._containers = containers
        self._network = network
        self._addresses = subnets.addresses(lab.services, subnet)
        environment = {
            "LAB_ZONE": subnets.zone(lab.services, self._addresses),
            "LABCTL_LIFELINE": self._lifeline,
        }
        self._names = {self._addresses[s.name]: (s.aliases or (s.name,))[0] for s in lab.services}
        self._services = LabServices(
            RunningService(
                service,
                containers,
                place=OnNetwork(
                    network=network,
                    address=self._addresses[service.name],
                    aliases=(service.name, *service.aliases),
                ),
                speaks=service.image in speaking_images,
                environment=environment,
            )
            for service in lab.services
        )

    @property
    def _lifeline(self) -> str:
        return "keep" if self._containers.keep else "cut"

    def wait_until_ready(self) -> None:
        """Return when all services are ready. Raises EngineError where one isn't."""
        self._services.ready()

    @contextlib.contextmanager
    def tap(self) -> Iterator[RunningTap]:
        """Start a tap of the caller's own, and end it. Raises EngineError where a service has
        ended: no attempt can be made in this lab any more.
        """
        self._services.check_alive()
        tap = RunningTap(
            self._containers,
            self._services,
            network=self._network,
            dns=self._addresses["dns"],
            lifeline=self._lifeline,
            names=self._names,
        )
        try:
            yield tap
        finally:
            tap.close()

    def stop(self) -> None:
        """Let go of the services, and wait for all that is done in the background."""
        self._services.close()
        self._containers.finish()
