"""What must fit together between the services of a Compose file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from labctl.errors import InputError, did_you_mean
from labctl.load.yaml_reader import Document, Place, with_place
from labctl.model.compose import Attachment, ComposeFile, Service

_NAME_TAKEN: Final = "{value} is already a name of the service {owner}"
_ADDRESS_TAKEN: Final = (
    "the address of the service {owner} ends in {value} too, and labs keep only that number"
)


def conflicts(parsed: ComposeFile, document: Document) -> Iterator[InputError]:
    """Yield an error for each thing that contradicts another in the same file."""
    yield from _dependencies(parsed.services, document)
    yield from _networks(parsed, document)
    yield from _twice(_names(parsed), _NAME_TAKEN, document)
    yield from _twice(_host_numbers(parsed), _ADDRESS_TAKEN, document)


def start_order(services: dict[str, Service]) -> tuple[Service, ...]:
    """Return the services in an order in which each comes after those it depends on. Raise
    CycleError if there is no such order.
    """
    graph = {name: service.depends_on.keys() for name, service in services.items()}
    return tuple(services[name] for name in TopologicalSorter(graph).static_order())


def with_dependencies(names: Iterable[str], services: Mapping[str, Service]) -> tuple[Service, ...]:
    """Return the named services and all that they depend on, each after those it depends on."""
    needed: dict[str, Service] = {}
    waiting = list(names)
    while waiting:
        service = services[waiting.pop(0)]
        if service.name not in needed:
            needed[service.name] = service
            waiting.extend(service.depends_on)
    return start_order(needed)


def _dependencies(services: dict[str, Service], document: Document) -> Iterator[InputError]:
    """Yield an error for each dependency on an unknown service, or else for a circle of them."""
    unknown = [
        (service.name, name)
        for service in services.values()
        for name in service.depends_on
        if name not in services
    ]
    for service, name in unknown:
        place = _entry(("services", service, "depends_on"), name, document)
        message = f'no service is called "{name}"{did_you_mean(name, services)}'
        yield InputError(with_place(place[:3], message), where=document.where_key(place))
    if not unknown:
        yield from _cycle(services, document)


def _cycle(services: dict[str, Service], document: Document) -> Iterator[InputError]:
    """Yield an error if services depend on each other in a circle."""
    try:
        start_order(services)
    except CycleError as error:
        circle = list(reversed(error.args[1]))  # graphlib lists whom each one waits for last
        place = ("services", circle[0], "depends_on")
        message = f"these depend on each other in a circle: {' -> '.join(circle)}"
        yield InputError(with_place(place, message), where=document.where_key(place))


def _networks(parsed: ComposeFile, document: Document) -> Iterator[InputError]:
    """Yield an error for each unknown network, and for each address outside its network."""
    known = {*parsed.networks, "default"}
    for service, network, attachment in _attachments(parsed):
        place = ("services", service, "networks")
        if network not in known:
            here = _entry(place, network, document)
            message = f'no network is called "{network}"{did_you_mean(network, known)}'
            yield InputError(with_place(place, message), where=document.where_key(here))
        elif attachment.ipv4_address and not _in_pools(parsed, network, attachment.ipv4_address):
            here = (*place, network, "ipv4_address")
            message = f"{attachment.ipv4_address} is in no subnet of the network {network}"
            hint = f"give networks.{network} an ipam subnet that holds it, or leave the address out"
            yield InputError(with_place(here, message), where=document.where(here), hint=hint)


def _in_pools(parsed: ComposeFile, network: str, address: str) -> bool:
    """Tell whether an address is in a declared subnet of a network."""
    declared = parsed.networks.get(network)
    pools = declared.ipam.config if declared else ()
    return any(IPv4Address(address) in IPv4Network(pool.subnet) for pool in pools)


def _attachments(parsed: ComposeFile) -> Iterator[tuple[str, str, Attachment]]:
    """Yield every service's attachments to networks: service, network, attachment."""
    for service in parsed.services.values():
        for network, attachment in service.networks.items():
            yield service.name, network, attachment


def _names(parsed: ComposeFile) -> Iterator[tuple[str, str, Place]]:
    """Yield every name in the lab's DNS, as name, service and place. The services' own names come
    first.
    """
    for service in parsed.services:
        yield service, service, ("services", service)
    for service, network, attachment in _attachments(parsed):
        for index, alias in enumerate(attachment.aliases):
            place = ("services", service, "networks", network, "aliases", index)
            if alias != service:
                yield alias, service, place


def _host_numbers(parsed: ComposeFile) -> Iterator[tuple[str, str, Place]]:
    """Yield the last number of every fixed address, with service and place. A lab keeps no more of
    it, because its subnet has 256 addresses.
    """
    for service, network, attachment in _attachments(parsed):
        if attachment.ipv4_address:
            place = ("services", service, "networks", network, "ipv4_address")
            yield attachment.ipv4_address.rpartition(".")[2], service, place


def _twice(
    claims: Iterator[tuple[str, str, Place]], says: str, document: Document
) -> Iterator[InputError]:
    """Yield an error for each value that two services claim."""
    owners: dict[str, str] = {}
    for value, service, place in claims:
        if value in owners:
            message = says.format(value=value, owner=owners[value])
            yield InputError(with_place(place, message), where=document.where(place))
        owners.setdefault(value, service)


def _entry(place: Place, name: str, document: Document) -> Place:
    """Return the place of a name in a mapping or a list of names."""
    entries = document.get(place)
    return (*place, entries.index(name) if isinstance(entries, tuple) else name)
