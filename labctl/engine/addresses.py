"""The addresses of labs. Nothing else in the engine puts addresses together.

Labs take /24 networks out of 198.18.0.0/15, which RFC 2544 sets aside for benchmarks, and which is
never anyone's campus or VPN.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from labctl.errors import EngineError
from labctl.model.compose import Service
from labctl.model.flows import GATEWAY

RANGE = IPv4Network("198.18.0.0/15")
_BY_HAND = IPv4Network("198.18.0.0/24")
"""The subnet that people use who start compose/lab.yaml by hand."""
_FIRST_FREE = 64
"""Services without an address of their own get theirs from this host number on."""
_FIRST_TAP = 128


def is_lab_address(host: str) -> bool:
    """Tell whether a host is an address in the range that labs take their subnets from."""
    try:
        return IPv4Address(host) in RANGE
    except ValueError:
        return False


def candidate_subnets() -> Iterator[IPv4Network]:
    """Yield the subnets that a lab may have, in a random order, so that labs of several runs seldom
    ask for the same. The one that is used by hand is left out.
    """
    subnets = [subnet for subnet in RANGE.subnets(new_prefix=24) if subnet != _BY_HAND]
    random.shuffle(subnets)
    return iter(subnets)


@dataclass(frozen=True, kw_only=True)
class AddressBook:
    """Who has which address of a lab's IPv4 subnet: services in the lower half, by their names, and
    taps, with the clients in them, in the upper one. A lab of another family will have one more.
    """

    subnet: IPv4Network
    services: Mapping[str, str]
    """The address of each service."""
    names: Mapping[str, str]
    """What people call an address: the first alias of its service, or else the service's name."""
    zone: str
    """What the lab's name server answers: `name=address` for every name, with spaces between."""

    @property
    def name_server(self) -> str:
        """The address of the lab's own name server, the service `dns`."""
        return self.services["dns"]


def gateway(subnet: IPv4Network) -> str:
    """Return the address of a lab's subnet that the engine keeps for itself."""
    return str(subnet[1])


def tap_range(subnet: IPv4Network) -> str:
    """Return the half of a lab's subnet that the engine gives out to taps."""
    return str(list(subnet.subnets())[1])


def address_book(services: Sequence[Service], subnet: IPv4Network) -> AddressBook:
    """Return an address for each service: the host number that its Compose file has, or a free one.
    Raise EngineError if there are more services than addresses.
    """
    hosts = _host_numbers(services)
    addresses = {name: str(subnet[host]) for name, host in hosts.items()}
    aliases = {service.name: service.dns_names for service in services}
    return AddressBook(
        subnet=subnet,
        services=addresses,
        names={
            gateway(subnet): GATEWAY,
            **{address: aliases[name][0] for name, address in addresses.items()},
        },
        zone=" ".join(
            f"{alias}={addresses[service.name]}"
            for service in services
            for alias in aliases[service.name]
        ),
    )


def _host_numbers(services: Sequence[Service]) -> dict[str, int]:
    """Return the last number of each service's address: the one that it asks for, or the next free
    one.
    """
    hosts: dict[str, int] = {}
    for service in services:
        fixed = [a.ipv4_address for a in service.networks.values() if a.ipv4_address]
        if fixed:
            hosts[service.name] = int(fixed[0].rpartition(".")[2])
    free = (number for number in range(_FIRST_FREE, _FIRST_TAP) if number not in hosts.values())
    for service in services:
        if service.name not in hosts:
            try:
                hosts[service.name] = next(free)
            except StopIteration:
                raise EngineError(
                    "a lab holds no more than 64 services without addresses"
                ) from None
    return hosts
