"""One running lab: its services and its taps."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterable, Iterator

from labctl.engine.addresses import AddressBook
from labctl.engine.lab_containers import LabContainers
from labctl.engine.lab_hosts import LabHosts
from labctl.engine.lab_images import LabImages
from labctl.engine.lab_services import LabServices
from labctl.engine.presence import Presence
from labctl.engine.runtime import OnNetwork
from labctl.engine.tap import RunningTap
from labctl.errors import EngineError
from labctl.model.messages import Lifeline
from labctl.model.plan import PlannedLab


class RunningLab:
    """A lab on a network of its own."""

    def __init__(
        self, lab: PlannedLab, containers: LabContainers, *, network: str, addresses: AddressBook,
        images: LabImages, presence: Presence,
    ) -> None:  # fmt: skip
        """Take what the lab is made of. `images` are those of services and taps. `presence` tells
        whether the engine has gone where something fails.
        """
        self._presence = presence
        self._containers = containers
        self._network = network
        self._addresses = addresses
        self._free = deque(addresses.taps)
        self._tap_image = images.tap
        self._lifeline = Lifeline.KEEP if containers.keep else Lifeline.CUT
        """What the lab's programs do when labctl goes: they stay if the lab is kept."""
        self._hosts = LabHosts(
            containers, lab.services, network=network, addresses=addresses, images=images,
            lifeline=self._lifeline,
        )  # fmt: skip
        self._services = LabServices(self._hosts.service(service) for service in lab.services)

    def start(self) -> None:
        """Make the network's first host, and begin to start it and every service. Raise EngineError
        if the host can't be made.
        """
        self._hosts.start_shared()
        self._services.start()

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
        with self._presence.telling(), self._free_address() as address:
            tap = RunningTap(
                self._containers,
                self._services,
                image=self._tap_image,
                place=OnNetwork(
                    network=self._network,
                    addresses=(address,),
                    name_server=self._addresses.name_server,
                ),
                lifeline=self._lifeline,
                names=self._addresses.names,
                carried=self._hosts.carried,
                presence=self._presence,
            )
            try:
                yield tap
            finally:
                tap.close()

    @contextlib.contextmanager
    def _free_address(self) -> Iterator[str]:
        """Yield an address for a tap. It is the last to be given out anew, so that nobody takes
        what is still on its way for the next one. Raise EngineError if none is free.
        """
        try:
            address = self._free.popleft()
        except IndexError:
            raise EngineError("no free address is left on the lab's network") from None
        try:
            yield address
        finally:
            self._free.append(address)

    def stop(self) -> None:
        """Remove the lab's containers unless it is kept, and close the services' streams, when
        everything that is done in the background has ended. A service that is still starting is
        given up, unless the lab is kept.
        """
        try:
            self._services.settle(give_up=not self._containers.keep)
            self._containers.finish()
        finally:
            self._services.close()
            self._hosts.close()
