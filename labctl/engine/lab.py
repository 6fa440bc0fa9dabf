"""One running lab: its services and its taps."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from labctl.engine.addresses import AddressBook
from labctl.engine.lab_containers import LabContainers
from labctl.engine.lab_images import LabImages
from labctl.engine.lab_services import LabServices
from labctl.engine.presence import Presence
from labctl.engine.runtime import OnNetwork
from labctl.engine.service import RunningService
from labctl.engine.tap import RunningTap
from labctl.model.messages import Lifeline, Variable
from labctl.model.plan import PlannedLab


class RunningLab:
    """A lab on a network of its own. Its services start in the background."""

    def __init__(
        self, lab: PlannedLab, containers: LabContainers, *, network: str, addresses: AddressBook,
        rules: str, images: LabImages, presence: Presence,
    ) -> None:  # fmt: skip
        """Begin to start every service.

        `rules` are loaded into the namespace of each tap, unless they are empty. `images` are those
        of services and taps. `presence` tells whether the engine has gone where something fails.
        """
        self._presence = presence
        self._containers = containers
        self._network = network
        self._addresses = addresses
        self._rules = rules
        self._tap_image = images.tap
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
                image=images.services[service.image],
                environment=environment,
            )
            for service in lab.services
        )

    @property
    def _lifeline(self) -> Lifeline:
        """What the lab's programs do when labctl goes: they stay if the lab is kept."""
        return Lifeline.KEEP if self._containers.keep else Lifeline.CUT

    def wait_until_ready(self) -> None:
        """Wait until all services are ready. Raise ServiceError if one fails, and EngineGone if it
        fails because the engine has gone.
        """
        with self._presence.telling():
            self._services.ready(self._services.names)

    def check_alive(self, services: Iterable[str]) -> None:
        """Raise ServiceError if one of these services has failed to start, or has ended: then no
        attempt that needs it can be made in this lab any more. One that is still starting is left
        out. Raise EngineGone if a service has ended because the engine has gone.
        """
        with self._presence.telling():
            self._services.check_alive(services)

    @contextlib.contextmanager
    def tap(self) -> Iterator[RunningTap]:
        """Start a tap of the caller's own, and end it. Raise EngineError if that fails. Here and in
        the tap, it is EngineGone if the engine has gone.
        """
        with self._presence.telling():
            tap = RunningTap(
                self._containers,
                self._services,
                image=self._tap_image,
                network=self._network,
                name_server=self._addresses.name_server,
                lifeline=self._lifeline,
                names=self._addresses.names,
                rules=self._rules,
                presence=self._presence,
            )
            try:
                yield tap
            finally:
                tap.close()

    def stop(self) -> None:
        """Remove the lab's containers unless it is kept, and close the services' streams, when
        everything that is done in the background has ended. A service that is still starting is
        given up, unless the lab is kept.
        """
        try:
            self._services.settle(give_up=not self._containers.keep)
            self._containers.finish()
            self._containers.remove_all()
        finally:
            self._services.close()
