"""Podman, as root: the core scenarios, isolation, and what doctor says of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.labs.conftest import JOBS, labctl
from tests.labs.podman_engine import Podman, checks, podman

pytestmark = [pytest.mark.whole, pytest.mark.docker]


@pytest.fixture(scope="module")
def engine_of_podman() -> Iterator[Podman]:
    """A Podman with the images of services, and of clients with and without libraries."""
    with podman() as running:
        # Outside its namespace, where pip and mmdebstrap have a network.
        at = {"DOCKER_HOST": running.address}
        built = labctl("images", "build", "lab", "3.13", "3.13-libs", env=at)
        assert built.code == 0, built.err
        yield running


def test_the_core_scenarios_pass(engine_of_podman: Podman) -> None:
    done = engine_of_podman.labctl("run", *JOBS, "--json", "-")
    assert done.code == 0, done.err
    document = done.document
    assert document["engine"]["name"] == "podman"
    assert {one["verdict"] for one in document["attempts"]} == {"pass"}
    assert len(document["attempts"]) > 30


def test_a_client_reaches_nothing_outside_its_lab(engine_of_podman: Podman) -> None:
    found = checks(engine_of_podman.labctl("doctor", "--json"))
    assert found["isolation"]["state"] == "ok", found["isolation"]


def test_doctor_tells_what_podman_lacks(engine_of_podman: Podman) -> None:
    found = checks(engine_of_podman.labctl("doctor", "--json"))
    assert found["engine"]["seen"].startswith("Podman ")
    assert found["limits"]["seen"] == "no limit of files in /tmp"


def test_nothing_is_left(engine_of_podman: Podman) -> None:
    assert checks(engine_of_podman.labctl("doctor", "--json"))["leftovers"]["seen"] == "none"
    removed = engine_of_podman.labctl("clean", "--all").out
    assert removed == "removed 0 containers, 0 networks, 0 volumes\n"
