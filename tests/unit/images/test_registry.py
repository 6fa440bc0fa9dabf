from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from labctl.engine.images.backend import Unwritable
from labctl.engine.images.docker import DockerImages
from labctl.engine.images.layers import Recipe
from labctl.engine.images.names import LAB, parse_name
from labctl.engine.images.origins import Unavailable, base_key
from labctl.engine.images.registry import (
    Registry,
    RegistryWithoutNft,
    mirror_of_environment,
)
from labctl.engine.images.store import ImageStore
from labctl.errors import EngineError, UsageError
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


def test_another_way_to_add_nft_makes_the_image_of_the_lab_stale(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry, lab = Registry(), parse_name("labctl/lab")

    def recipes() -> list[str]:
        bare = RegistryWithoutNft(registry)
        return [registry.recipe(lab), registry.recipe(CLIENT), bare.recipe(lab)]

    with_nft, *without = recipes()
    monkeypatch.setattr("labctl.engine.images.content.NFT", Recipe(commands=(("another",),)))
    assert recipes()[0] != with_nft
    assert recipes()[1:] == without == [IMAGE, f"{IMAGE}, without nft"]


def test_the_lab_and_clients_have_the_same_base() -> None:
    client = FakeClient()
    registry = Registry()
    registry.supply(CLIENT, builder(client))
    registry.supply(parse_name("labctl/lab"), builder(client))
    labels = [call.rpartition("labctl.base=")[2][:64] for call in client.asked("import")]
    assert labels == [base_key(registry, CLIENT)] * 2


def test_the_lab_gets_nft_with_a_network_to_get_it_from() -> None:
    client = FakeClient()
    client.build_events = lambda: built("sha256:with-nft")
    base = Registry().supply(parse_name("labctl/lab"), builder(client))
    assert base.id == "sha256:with-nft"
    [build] = client.builds
    assert (build.base, build.labels) == ("sha256:base", {"labctl.image": "base"})
    assert build.settings["network_mode"] == "default"


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


def test_an_engine_that_cannot_store_what_is_pulled_makes_no_registry_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client, registry = FakeClient(), Registry()
    client.registry = lambda: answer(500, b'{"message": "is not supported"}')
    making = builder(client)

    def pull(_: str) -> None:
        raise Unwritable("no space left")

    monkeypatch.setattr(making, "pull", pull)
    for target in (CLIENT, OTHER):
        with pytest.raises(Unwritable):
            registry.supply(target, making)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_registry_without_one_image_may_have_another(status: int) -> None:
    client, registry = FakeClient(), Registry()
    client.registry = lambda: answer(status, b'{"message": "denied"}')
    with pytest.raises(Unavailable, match="denied"):
        registry.supply(CLIENT, builder(client))
    client.registry = lambda: answer(200)
    assert registry.supply(OTHER, builder(client)).id == "sha256:base"


def test_a_mirror_is_asked_under_its_own_name() -> None:
    client = FakeClient()
    Registry("registry.example.com/hub").supply(CLIENT, builder(client))
    mirrored = f"registry.example.com/hub/{IMAGE}"
    assert client.asked("pull") == client.asked("remove_image") == [mirrored]
    assert f"/distribution/{mirrored}/json" in client.asked("get")[0]


def test_a_mirror_makes_no_image_stale() -> None:
    mirror = Registry("registry.example.com/hub")
    assert mirror.recipe(CLIENT) == Registry().recipe(CLIENT) == IMAGE
    assert base_key(mirror, CLIENT) == base_key(Registry(), CLIENT)


@pytest.mark.parametrize(
    ("said", "mirror"),
    [
        ("", ""),
        ("registry.example.com", "registry.example.com"),
        ("registry.example.com:5000/hub/library/", "registry.example.com:5000/hub/library"),
    ],
)
def test_the_environment_names_the_mirror(
    said: str, mirror: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABCTL_REGISTRY", said)
    assert mirror_of_environment() == mirror


@pytest.mark.parametrize("said", ["https://registry.example.com", "a b", "host/Upper", "host//x"])
def test_what_begins_no_name_of_an_image_is_refused(
    said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABCTL_REGISTRY", said)
    with pytest.raises(UsageError) as caught:
        ImageStore(DockerImages(FakeClient().as_client))
    assert "LABCTL_REGISTRY" in caught.value.message
    assert "without https://" in caught.value.hint


@pytest.fixture
def logged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What `docker login registry.example.com` leaves, and what it says."""
    login = {"username": "jane", "password": "secret"}
    auth = base64.b64encode(b"jane:secret").decode()
    config = {"auths": {"registry.example.com": {"auth": auth}}}
    (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return login


@pytest.mark.parametrize(("mirror", "known"), [("registry.example.com/hub", True), ("", False)])
def test_the_login_for_a_registry_goes_with_the_question(
    mirror: str, known: bool, logged_in: dict[str, str]
) -> None:
    client = FakeClient()
    Registry(mirror).supply(CLIENT, builder(client))
    [headers] = client.headers
    sent = json.loads(base64.urlsafe_b64decode(headers["X-Registry-Auth"])) if headers else {}
    assert {name: sent.get(name) for name in logged_in} == (
        logged_in if known else dict.fromkeys(logged_in)
    )


@pytest.mark.filterwarnings("ignore:docker-credential-nowhere not installed")
def test_a_helper_for_logins_that_is_missing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text('{"credsStore": "nowhere"}', "utf-8")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with pytest.raises(Unavailable) as caught:
        Registry().supply(CLIENT, builder(FakeClient()))
    assert str(caught.value).startswith(f"no login for {IMAGE}: ")
    assert "docker-credential-nowhere" in str(caught.value)


def no_debian() -> Iterator[dict[str, Any]]:
    """What an engine's builder says where apt-get reaches no mirror."""
    yield {"stream": "Step 1/1 : RUN apt-get"}
    yield {"error": "The command '/bin/sh -c apt-get ...' returned a non-zero code: 100"}


def test_without_a_mirror_of_debian_the_lab_has_no_nft_in_the_end() -> None:
    client = FakeClient()
    registry = Registry()
    builds = iter([no_debian(), built("sha256:lab")])
    client.build_events = lambda: next(builds)
    client.listed = [{"Id": "sha256:old", "ParentId": ""}]
    store = ImageStore(DockerImages(client.as_client), [registry, RegistryWithoutNft(registry)])
    made = store.ensure([LAB])[LAB]
    assert (made.id, made.origin) == ("sha256:lab", "registry-without-nft")


def test_an_image_without_nft_is_another_one_on_the_same_base() -> None:
    client = FakeClient()
    client.listed = [{"Id": "sha256:old", "ParentId": ""}]
    registry, lab = Registry(), parse_name("labctl/lab")
    bare = RegistryWithoutNft(registry)
    assert bare.recipe(lab) != registry.recipe(lab)
    assert bare.supply(lab, builder(client)).id == "sha256:old"
    assert client.asked("images")[0].endswith(f"labctl.base={base_key(registry, CLIENT)}'}}")


def test_clients_do_not_come_without_nft() -> None:
    with pytest.raises(Unavailable, match="the image of the lab only"):
        RegistryWithoutNft(Registry()).supply(CLIENT, builder(FakeClient()))


def test_an_origin_without_nft_is_the_last_that_is_tried() -> None:
    with pytest.raises(UsageError) as caught:
        ImageStore(DockerImages(FakeClient().as_client)).ensure([LAB], origin="nowhere")
    assert caught.value.hint == "choose of registry, debian, host, registry-without-nft"


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


def test_an_engine_that_cannot_ask_pulls_and_fails_once() -> None:
    client, registry = FakeClient(), Registry()
    said = b'{"message": "Path /v1.41/distribution/x is not supported"}'
    client.registry = lambda: answer(404, said)
    client.pull_events = [{"error": "lookup: no such host"}]
    with pytest.raises(EngineError, match="no such host"):
        registry.supply(CLIENT, builder(client))
    with pytest.raises(Unavailable, match="no such host"):
        registry.supply(OTHER, builder(client))
    assert client.asked("pull") == [IMAGE]
    client.pull_events = []
    assert Registry().supply(CLIENT, builder(client)).id == "sha256:base"
