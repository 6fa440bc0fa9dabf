from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from labctl.engine import addresses
from labctl.engine.addresses import RANGE, address_book, gateway
from labctl.errors import EngineError
from labctl.model.compose import Attachment, Service

SUBNET = IPv4Network("198.19.7.0/24")


def service(name: str, address: str | None = None, *aliases: str) -> Service:
    attached = Attachment(aliases=aliases, ipv4_address=address)
    return Service(name=name, image="labctl/lab", networks={"lab": attached})


def test_the_subnet_of_labs_is_in_the_range_for_benchmarks() -> None:
    assert addresses.SUBNET.subnet_of(RANGE)


def test_fixed_addresses_keep_their_host_number_and_others_get_free_ones() -> None:
    found = address_book(
        (service("a", "198.18.0.11"), service("b"), service("c", "10.0.0.64"), service("d")), SUBNET
    )
    assert found.services == {
        "a": "198.19.7.11",
        "b": "198.19.7.65",
        "c": "198.19.7.64",
        "d": "198.19.7.66",
    }


def test_too_many_services_are_an_error() -> None:
    with pytest.raises(EngineError, match="no more than 64 services"):
        address_book(tuple(service(f"s{n}") for n in range(65)), SUBNET)


def test_taps_live_in_the_upper_half() -> None:
    book = address_book((service("a"),), SUBNET)
    assert (book.taps[0], book.taps[-1], len(book.taps)) == ("198.19.7.128", "198.19.7.254", 127)
    assert gateway(SUBNET) == "198.19.7.1"


def test_hosts_are_known_by_all_their_names() -> None:
    book = address_book((service("closed", "10.0.0.11", "closed.lab"), service("bare")), SUBNET)
    assert book.hosts == {
        "closed": "198.19.7.11",
        "closed.lab": "198.19.7.11",
        "bare": "198.19.7.64",
    }


def test_names_are_every_alias_and_services_without_one_by_name() -> None:
    services = (service("closed", "10.0.0.11", "closed.lab", "shut.lab"), service("bare"))
    book = address_book(services, SUBNET)
    assert book.zone == "closed.lab=198.19.7.11 shut.lab=198.19.7.11 bare=198.19.7.64"
    assert book.names == {
        "198.19.7.1": "gateway.lab",
        "198.19.7.11": "closed.lab",
        "198.19.7.64": "bare",
    }
