"""One running lab: its services and its taps."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator

from labctl.engine.addresses import AddressBook
from labctl.engine.lab_containers import LabContainers
from labctl.engine.lab_services import LabServices
from labctl.engine.runtime import OnNetwork
from labctl.engine.service import RunningService
from labctl.engine.tap import RunningTap
from labctl.model.messages import Lifeline, Variable
from labctl.model.plan import PlannedLab


class RunningLab:
    """A lab on a network of its own. Its services start in the background."""

    def __init__(
        self, lab: PlannedLab, containers: LabContainers, *, network: str, addresses: AddressBook,
        speaking_images: Collection[str],
    ) -> None:  # fmt: skip
        """Begin to start every service.

        `speaking_images` are the lab's own, whose programs write events and have a lifeline.
        """
        self._containers = containers
        self._network = network
        self._addresses = addresses
        environment: dict[str, str] = {
            Variable.ZONE: addresses.zone,
            Variable.LIFELINE: self._lifeline,
        }
        self._services = LabServices(
            RunningService(
                service,
                containers,
                place=OnNetwork(
                    network=network,
                    address=addresses.services[service.name],
                    aliases=(service.name, *service.aliases),
                ),
                speaks=service.image in speaking_images,
                environment=environment,
            )
            for service in lab.services
        )

    @property
    def _lifeline(self) -> Lifeline:
        """What the lab's programs do when labctl goes: they stay if the lab is kept."""
        return Lifeline.KEEP if self._containers.keep else Lifeline.CUT

    def wait_until_ready(self) -> None:
        """Wait until all services are ready. Raise EngineError if one fails."""
        self._services.ready()

    @contextlib.contextmanager
    def tap(self) -> Iterator[RunningTap]:
        """Start a tap of the caller's own, and end it. Raise EngineError if a service has
        ended: no attempt can be made in this lab any more.
        """
        self._services.check_alive()
        tap = RunningTap(
            self._containers,
            self._services,
            network=self._network,
            name_server=self._addresses.name_server,
            lifeline=self._lifeline,
            names=self._addresses.names,
        )
        try:
            yield tap
        finally:
            tap.close()

    def stop(self) -> None:
        """Close the services' streams, so that they end unless the lab is kept, and wait for
        everything that is done in the background.
        """
        self._services.close()
        self._containers.finish()
