"""The hosts of one lab: the one that services share, and those of the others."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from functools import partial

from labctl.engine.addresses import AddressBook
from labctl.engine.containers import holder_container, host_container, service_container
from labctl.engine.host import RunningHost
from labctl.engine.hosts import links_itself, sharing
from labctl.engine.lab_containers import LabContainers
from labctl.engine.lab_images import LabImage, LabImages, needed
from labctl.engine.own_certificates import own_certificates
from labctl.engine.runtime import InNamespaceOf, OnNetwork
from labctl.engine.service import RunningService
from labctl.errors import EngineError
from labctl.model.compose import READY_S, Service
from labctl.model.messages import Lifeline, Program, Variable


class LabHosts:
    """Starts the hosts of a lab.

    Services that need no host of their own share one. It is the first on the network, and carries
    it, whether services share it or not.
    """

    carried: Future[None]
    """When it is done, the network is there: the host that carries it has been started."""

    def __init__(
        self, containers: LabContainers, services: Sequence[Service], *, network: str,
        addresses: AddressBook, images: LabImages, lifeline: Lifeline,
    ) -> None:  # fmt: skip
        """Take what the lab is made of. `images` are those of services and taps."""
        self._containers = containers
        self._network = network
        self._addresses = addresses
        self._images = images
        self._lifeline = lifeline
        self._sharing = {one.name: one for one in sharing(services, images)}
        self._shared = self._labctls_own("the host of services", shared_by=tuple(self._sharing))

    def _labctls_own(self, what: str, *, shared_by: Sequence[str] = ()) -> RunningHost:
        """Return a host with labctl's own program for hosts, which is not started yet."""
        return RunningHost(self._containers, what, speaks=True, shared_by=shared_by)

    def service(self, service: Service) -> RunningService:
        """Return a service, which is not started yet."""
        if service.name in self._sharing:
            return RunningService(
                service,
                self._containers,
                speaks=True,
                start=lambda _: self.carried.result(),
                shares=self._shared,
            )
        image = self._images.services[service.image]
        return RunningService(
            service,
            self._containers,
            speaks=isinstance(image, LabImage) and image.speaks,
            start=partial(self._start_own, service),
        )

    def start_shared(self) -> None:
        """Make the host that services share, and begin to start it, and their programs. Raise
        EngineError if it can't be made.
        """
        addresses = self._addresses
        services = tuple(self._sharing.values())
        self._shared.make(
            host_container(
                self._images.tap.reference,
                name=self._containers.new_name("services"),
                place=OnNetwork(
                    network=self._network,
                    addresses=tuple(addresses.services[one.name] for one in services),
                    name_server=addresses.name_server,
                ),
                services=services,
                programs={
                    one.name: Program(
                        command=one.command,
                        environment=_without_zone(one.environment)
                        | {Variable.ADDRESS: addresses.services[one.name]},
                    )
                    for one in services
                },
                environment={Variable.ZONE: addresses.zone, Variable.LIFELINE: self._lifeline},
                labels=self._containers.labels,
            )
        )
        self.carried = self._containers.in_background(self._shared.begin)

    def _start_own(self, service: Service, host: RunningHost) -> None:
        """Start the host that a service has for itself. Raise EngineError if that fails."""
        image = self._images.services[service.image]
        if isinstance(image, EngineError):
            raise needed(image, f"service {service.name} needs")
        place = OnNetwork(
            network=self._network,
            addresses=(self._addresses.services[service.name],),
            name_server=self._addresses.name_server,
            names=self._addresses.hosts,
        )
        variables: dict[str, str] = {}
        if image.speaks:
            zone = self._addresses.zone
            variables = {Variable.ZONE: zone, Variable.LIFELINE: self._lifeline}
            variables |= own_certificates(service)
        is_linked = links_itself(service, self._images)
        host.start(
            service_container(
                service,
                image=image.reference,
                name=self._containers.new_name(service.name),
                place=place if is_linked else self._hold(service, place, host),
                environment=variables,
                has_stdin=image.speaks,
                labels=self._containers.labels,
            ),
            after=self.carried,
        )

    def _hold(self, service: Service, place: OnNetwork, host: RunningHost) -> InNamespaceOf:
        """Start a container of labctl's own that holds the host of a service, since the service's
        can't make its link to the network. Wait until it has one, and return the service's place.
        Raise EngineError if that fails, or the service is given up.
        """
        what = f"the host of service {service.name}"
        holder = host.holder = self._labctls_own(what)
        holder.start(
            holder_container(
                service,
                image=self._images.tap.reference,
                name=self._containers.new_name(f"{service.name}-host"),
                place=place,
                lifeline=self._lifeline,
                labels=self._containers.labels,
            ),
            after=self.carried,
        )
        holder.wait_until_ready(time.monotonic() + READY_S)
        if host.is_closed.is_set():
            raise EngineError(f"service {service.name} was given up before it was started")
        return InNamespaceOf(container=holder.container)

    def close(self) -> None:
        """Close the streams of the host that services share."""
        self._shared.close()


def _without_zone(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of an entry but for the zone, which is the lab's."""
    return {name: value for name, value in environment.items() if name != Variable.ZONE}
