"""Addresses for labs: /24 networks out of 198.18.0.0/15, which RFC 2544 sets aside for benchmarks
and which is never anyone's campus or VPN. Services live in the lower half, taps in the upper one.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from ipaddress import IPv4Network

from labctl.errors import EngineError
from labctl.model.compose import Service

RANGE = IPv4Network("198.18.0.0/15")
_FIRST_FREE = 64
"""Services without an address of their own get theirs from this host number on."""


def candidates(*, by_hand: str = "198.18.0.0/24") -> Iterator[IPv4Network]:
    """Subnets to try, in a random order, so that labs of several runs seldom meet.

    The one that compose/lab.yaml uses by hand is left out.
    """
    subnets = [net for net in RANGE.subnets(new_prefix=24) if str(net) != by_hand]
    random.shuffle(subnets)
    return iter(subnets)


def gateway(subnet: IPv4Network) -> str:
    """The address that the engine keeps for itself."""
    return str(subnet[1])


def tap_range(subnet: IPv4Network) -> str:
    """The half that the engine gives out to taps."""
    return str(list(subnet.subnets())[1])


def addresses(services: tuple[Service, ...], subnet: IPv4Network) -> dict[str, str]:
    """The address of each service: the same host number as in its Compose file, or a free one."""
    hosts: dict[str, int] = {}
    for service in services:
        fixed = [a.ipv4_address for a in service.networks.values() if a.ipv4_address]
        if fixed:
            hosts[service.name] = int(fixed[0].rpartition(".")[2])
    free = (n for n in range(_FIRST_FREE, 128) if n not in hosts.values())
    for service in services:
        if service.name not in hosts:
            try:
                hosts[service.name] = next(free)
            except StopIteration:
                raise EngineError(
                    "a lab holds no more than 64 services without addresses"
                ) from None
    return {name: str(subnet[host]) for name, host in hosts.items()}


def zone(services: tuple[Service, ...], where: dict[str, str]) -> str:
    """LAB_ZONE for the lab's name server: each alias, or else the name, with its address."""
    return " ".join(
        f"{alias}={where[service.name]}"
        for service in services
        for alias in (service.aliases or (service.name,))
    )
