from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from labctl.cli import image_table, images
from labctl.engine.images.status import ImageState, ImageStatus
from labctl.engine.images.store import ImageStore
from labctl.engines import EngineName, choose_engine
from labctl.errors import UsageError
from tests.unit.images.fakes import FakeClient

READY = ImageStatus(
    name="labctl/lab:latest", state=ImageState.READY, origin="debian", python="3.13.5",
    id="sha256:0123456789abcdef", reference="labctl/lab:1f", size=71_600_000,
)  # fmt: skip
PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
WORDS = ", ".join(["lab", *PYTHONS, *(f"{python}-libs" for python in PYTHONS)])
MISSING = ImageStatus(name="labctl/client:3.9", state=ImageState.MISSING)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> FakeClient:
    fake = FakeClient()
    monkeypatch.setattr("labctl.engine.docker.connect.connect", lambda: fake.as_client)
    choose_engine(EngineName.DOCKER)
    return fake


def run(*arguments: str) -> str:
    done = CliRunner().invoke(images.app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_table() -> None:
    assert image_table.table([READY, MISSING]).splitlines() == [
        "IMAGE              STATE    PYTHON  FROM    SIZE   ID",
        "labctl/lab:latest  ready    3.13.5  debian  72 MB  0123456789ab",
        "labctl/client:3.9  missing  -       -       -      -",
    ]


def test_listing(client: FakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.listed == []
    assert run().count("missing") == 13
    monkeypatch.setattr(ImageStore, "status", lambda *_: [READY])
    assert json.loads(run("--json")) == [
        {
            "engine": "docker",
            "name": "labctl/lab:latest", "state": "ready", "python": "3.13.5", "origin": "debian",
            "size": 71_600_000, "id": "sha256:0123456789abcdef",
            "reference": "labctl/lab:1f",
        }
    ]  # fmt: skip


def test_building(client: FakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(
        ImageStore,
        "ensure",
        lambda _, names, *, origin, force, **_progress: asked.append((names, origin, force)),
    )
    run("build", "3.9", "lab", "3.13-libs", "--from", "host")
    run("build", "--all", "--force")
    first = ["labctl/client:3.9", "labctl/lab:latest", "labctl/client:3.13-libs"]
    assert asked[0] == (first, "host", False)
    assert (len(asked[1][0]), *asked[1][1:]) == (13, None, True)
    assert len(client.asked("images")) == 2


def listed(name: str, *tags: str) -> dict[str, Any]:
    return {"Id": name, "RepoTags": [*tags], "Labels": {"labctl.image": name}}


def test_removing(client: FakeClient) -> None:
    client.listed = [
        listed("labctl/lab:latest", "labctl/lab:2c26b46b68ff", "mine:2"),
        listed("labctl/client:3.13", "labctl/client:3.13-2c26b46b68ff"),
    ]
    assert run("remove", "lab") == "removed labctl/lab:2c26b46b68ff\n"
    assert client.asked("prune") == []
    assert run("remove", "--all").count("removed") == 2
    assert client.asked("prune")


def test_removing_those_of_other_versions(client: FakeClient) -> None:
    client.listed = [listed("labctl/lab:latest", "labctl/lab:2c26b46b68ff")]
    assert run("remove", "--unused") == "removed labctl/lab:2c26b46b68ff\n"
    assert client.asked("prune")
    assert all("until" in filters for filters in client.asked("prune"))


@pytest.mark.parametrize("other", ["3.13", "--all"])
@pytest.mark.usefixtures("client")
def test_unused_ones_and_others(other: str) -> None:
    with pytest.raises(UsageError, match="--unused says by itself"):
        run("remove", "--unused", other)


@pytest.mark.parametrize("verb", ["build", "remove"])
@pytest.mark.usefixtures("client")
def test_no_image_named(verb: str) -> None:
    with pytest.raises(UsageError) as caught:
        run(verb)
    assert str(caught.value) == "which images?"
    assert caught.value.hint == f"name some of {WORDS}; or --all"


@pytest.mark.usefixtures("client")
def test_an_unknown_image() -> None:
    with pytest.raises(UsageError) as caught:
        run("build", "3.13", "3.7")
    assert str(caught.value) == "there is no image for '3.7'"
    assert caught.value.hint == f"there are {WORDS}"
