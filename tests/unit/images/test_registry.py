from __future__ import annotations

import pytest
import requests

from labctl.engine.images import parse_name
from labctl.engine.images.origins import Unavailable, base_key
from labctl.engine.images.registry import Registry
from labctl.errors import EngineError
from tests.unit.images.fakes import FakeClient, answer, builder, built

CLIENT = parse_name("labctl/client:3.13")
OTHER = parse_name("labctl/client:3.9")
IMAGE = "python:3.13-slim"


def test_an_image_is_pulled_flattened_and_removed() -> None:
    client = FakeClient()
    base = Registry().supply(CLIENT, builder(client))
    assert (base.id, base.interpreter) == ("sha256:base", "/usr/local/bin/python3.13")
    url = "http+docker://localhost/v1.41/distribution/python:3.13-slim/json"
    key = base_key(Registry(), CLIENT)
    assert client.calls[1:] == [
        ("get", f"{url} 5"),
        ("pull", IMAGE),
        ("create", IMAGE),
        ("remove_container", f"container of {IMAGE}"),
        ("import", f"b'files' ['LABEL labctl.base={key}']"),
        ("remove_image", IMAGE),
    ]


def test_an_image_that_the_engine_has_is_neither_asked_for_nor_removed() -> None:
    client = FakeClient()
    client.local.add(IMAGE)
    Registry().supply(CLIENT, builder(client))
    assert client.asked("get") == client.asked("pull") == client.asked("remove_image") == []


def test_a_base_that_is_there_is_used_again() -> None:
    client = FakeClient()
    client.listed = [{"Id": "sha256:old", "ParentId": ""}]
    assert Registry().supply(CLIENT, builder(client)).id == "sha256:old"
    assert client.asked("pull") == []


def test_the_lab_gets_nft_with_a_network_to_get_it_from() -> None:
    client = FakeClient()
    client.build_events = lambda: built("sha256:with-nft")
    base = Registry().supply(parse_name("labctl/lab"), builder(client))
    assert base.id == "sha256:with-nft"
    assert client.builds[0]["buildargs"] == {"BASE": "sha256:base"}
    assert client.builds[0]["network_mode"] == "default"


def test_a_registry_that_cannot_be_reached_is_asked_once() -> None:
    client, registry = FakeClient(), Registry()
    client.registry = lambda: answer(500, b'{"message": "lookup: no such host"}')
    for target in (CLIENT, OTHER):
        with pytest.raises(Unavailable) as caught:
            registry.supply(target, builder(client))
        assert str(caught.value) == f"no answer about {IMAGE}: lookup: no such host"
    assert len(client.asked("get")) == 1


def test_a_registry_that_is_silent_is_asked_once() -> None:
    def silent() -> requests.Response:
        raise requests.ReadTimeout

    client, registry = FakeClient(), Registry()
    client.registry = silent
    for target in (CLIENT, OTHER):
        with pytest.raises(Unavailable, match=f"^no answer about {IMAGE} within 5 s$"):
            registry.supply(target, builder(client))
    assert len(client.asked("get")) == 1


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_registry_without_one_image_may_have_another(status: int) -> None:
    client, registry = FakeClient(), Registry()
    client.registry = lambda: answer(status, b'{"message": "denied"}')
    with pytest.raises(Unavailable, match="denied"):
        registry.supply(CLIENT, builder(client))
    client.registry = lambda: answer(200)
    assert registry.supply(OTHER, builder(client)).id == "sha256:base"


def test_the_progress_of_a_pull() -> None:
    client = FakeClient()
    client.pull_events = [
        {"status": "Pulling from library/python"},
        {"status": "Downloading", "id": "a", "progressDetail": {"current": 1, "total": 10}},
        {"status": "Downloading", "id": "b", "progressDetail": {"current": 10, "total": 30}},
        {"status": "Downloading", "id": "a", "progressDetail": {"current": 10, "total": 10}},
        {"status": "Extracting", "id": "a", "progressDetail": {"current": 5, "total": 10}},
    ]
    seen: list[float | None] = []
    making = builder(client)
    making.report = lambda _, fraction: seen.append(fraction)
    Registry().supply(CLIENT, making)
    assert seen == [None, 0.1, 0.275, 0.5, None]


def test_a_pull_that_fails() -> None:
    client = FakeClient()
    client.pull_events = [{"error": "toomanyrequests"}]
    with pytest.raises(EngineError, match=f"^cannot pull {IMAGE}: toomanyrequests$"):
        Registry().supply(CLIENT, builder(client))
