from __future__ import annotations

from ipaddress import IPv4Network
from itertools import islice

import pytest

from labctl.engine.addresses import (
    RANGE,
    address_book,
    candidate_subnets,
    gateway,
    tap_range,
)
from labctl.errors import EngineError
from labctl.model.compose import Attachment, Service

SUBNET = IPv4Network("198.19.7.0/24")


def service(name: str, address: str | None = None, *aliases: str) -> Service:
    attached = Attachment(aliases=aliases, ipv4_address=address)
    return Service(name=name, image="labctl/lab", networks={"lab": attached})


def test_candidates_lie_in_the_benchmark_range_and_leave_out_the_one_used_by_hand() -> None:
    found = list(candidate_subnets())
    assert len(found) == 511
    assert all(net.subnet_of(RANGE) for net in found)
    assert IPv4Network("198.18.0.0/24") not in found


def test_candidates_come_in_another_order_each_time() -> None:
    orders = {tuple(islice(candidate_subnets(), 5)) for _ in range(5)}
    assert len(orders) > 1


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
    assert tap_range(SUBNET) == "198.19.7.128/25"
    assert gateway(SUBNET) == "198.19.7.1"


def test_names_are_every_alias_and_services_without_one_by_name() -> None:
    services = (service("closed", "10.0.0.11", "closed.lab", "shut.lab"), service("bare"))
    book = address_book(services, SUBNET)
    assert book.zone == "closed.lab=198.19.7.11 shut.lab=198.19.7.11 bare=198.19.7.64"
    assert book.names == {
        "198.19.7.1": "gateway.lab",
        "198.19.7.11": "closed.lab",
        "198.19.7.64": "bare",
    }
