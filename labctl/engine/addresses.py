"""The addresses of labs. Nothing else in the engine puts addresses together.

They are of 198.18.0.0/15, which RFC 2544 sets aside for benchmarks, and which is never anyone's
campus or VPN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from labctl.errors import EngineError
from labctl.model.compose import Service
from labctl.model.flows import GATEWAY

RANGE = IPv4Network("198.18.0.0/15")
SUBNET = IPv4Network("198.18.0.0/24")
"""The subnet of every lab. Labs do not meet: their networks have no link to any other."""
_FIRST_FREE = 64
"""Services without an address of their own get theirs from this host number on."""
_FIRST_TAP = 128


def is_lab_address(host: str) -> bool:
    """Tell whether a host is an address in the range of labs."""
    try:
        return IPv4Address(host) in RANGE
    except ValueError:
        return False


@dataclass(frozen=True, kw_only=True)
class AddressBook:
    """Who has which address of a lab's IPv4 subnet: services in the lower half, by their names, and
    taps, with the clients in them, in the upper one. A lab of another family will have one more.
    """

    services: Mapping[str, str]
    """The address of each service."""
    hosts: Mapping[str, str]
    """The addresses of services by all their names: what stands in /etc/hosts of each."""
    taps: tuple[str, ...]
    """The addresses that taps may have."""
    names: Mapping[str, str]
    """What people call an address: the first alias of its service, or else the service's name."""
    zone: str
    """What the lab's name server answers: `name=address` for every name, with spaces between."""

    @property
    def name_server(self) -> str:
        """The address of the lab's own name server, the service `dns`."""
        return self.services["dns"]


def gateway(subnet: IPv4Network) -> str:
    """Return the address of a lab's subnet that packets for elsewhere go to. Nobody has it."""
    return str(subnet[1])


def address_book(services: Sequence[Service], subnet: IPv4Network) -> AddressBook:
    """Return an address for each service: the host number that its Compose file has, or a free one.
    Raise EngineError if there are more services than addresses.
    """
    hosts = _host_numbers(services)
    addresses = {name: str(subnet[host]) for name, host in hosts.items()}
    aliases = {service.name: service.dns_names for service in services}
    return AddressBook(
        services=addresses,
        hosts={
            name: addresses[service.name]
            for service in services
            for name in (service.name, *service.aliases)
        },
        taps=tuple(str(subnet[number]) for number in range(_FIRST_TAP, subnet.num_addresses - 1)),
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
