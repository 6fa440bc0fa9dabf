"""Every bad client that does no harm outside a container, on every Python."""

from __future__ import annotations

import pytest

from labctl.model.result import Observation
from tests.bad_clients import BAD_CLIENTS, BadClient
from tests.unit.probe.conftest import Probe

HARMLESS = [client for client in BAD_CLIENTS if not client.contained]
SLOW = {"infinite-loop", "ignores-sigterm", "hangs-at-exit", "hangs-in-a-thread"}
SLOW |= {"str-loops", "repr-loops"}


@pytest.mark.parametrize(
    "client", [c for c in HARMLESS if c.name not in SLOW], ids=lambda c: c.name
)
def test_observed_as_it_should_be(client: BadClient, probe: Probe) -> None:
    check(client, Observation.model_validate(probe(client.source)))


@pytest.mark.parametrize("client", [c for c in HARMLESS if c.name in SLOW], ids=lambda c: c.name)
def test_observed_in_time(client: BadClient, this_probe: Probe) -> None:
    seen = Observation.model_validate(this_probe(client.source, limit_s=0.7))
    check(client, seen)
    assert seen.exit is None
    assert seen.signal is None


def check(client: BadClient, seen: Observation) -> None:
    """Every detail that the client's entry names."""
    assert seen.outcome in client.outcomes, seen
    assert client.signal in {None, seen.signal}
    assert client.exit in {None, seen.exit}
    assert client.returned in {None, seen.returned}
    error = seen.exception
    assert (error is not None) is (seen.outcome == "raised")
    if error is not None:
        assert client.exception in {None, error.type}
        assert client.message in {None, error.message}
    types = [entry.exception.type for entry in seen.unhandled]
    assert types == ([] if client.unhandled is None else [client.unhandled])


def test_names_are_unique() -> None:
    names = [client.name for client in BAD_CLIENTS]
    assert len(names) == len(set(names))
