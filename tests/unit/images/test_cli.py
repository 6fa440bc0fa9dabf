from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from labctl.cli import images
from labctl.engine.images import ImageState, ImageStatus, ImageStore
from labctl.errors import UsageError
from tests.unit.images.fakes import FakeClient

READY = ImageStatus(
    name="labctl/lab:latest", state=ImageState.READY, origin="debian", python="3.13.5",
    id="sha256:0123456789abcdef", size=71_600_000,
)  # fmt: skip
PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
WORDS = ", ".join(["lab", *PYTHONS, *(f"{python}-libs" for python in PYTHONS)])
MISSING = ImageStatus(name="labctl/client:3.9", state=ImageState.MISSING)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> FakeClient:
    fake = FakeClient()
    monkeypatch.setattr("labctl.engine.access.connect", lambda: fake.as_client)
    return fake


def run(*arguments: str) -> str:
    done = CliRunner().invoke(images.app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_table() -> None:
    assert images.table([READY, MISSING]).splitlines() == [
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
            "name": "labctl/lab:latest", "state": "ready", "python": "3.13.5", "origin": "debian",
            "size": 71_600_000, "id": "sha256:0123456789abcdef",
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


def test_removing(client: FakeClient) -> None:
    assert run("remove", "lab") == "removed labctl/lab:latest\n"
    assert client.asked("prune") == []
    assert run("remove", "--all").count("removed") == 13
    assert client.asked("prune")


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
