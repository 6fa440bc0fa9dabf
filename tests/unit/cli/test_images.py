"""`labctl images` where there are several engines: whose images it lists and removes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import pytest

from labctl.engine import access
from labctl.engine.access import EngineAccess
from labctl.engine.images.names import LAB
from labctl.engine.images.status import ImageState, ImageStatus
from labctl.engine.images.store import ImageStore
from labctl.errors import EngineError
from labctl.model.check import Check
from tests.unit.cli.conftest import Labctl
from tests.unit.engine.fake_runtime import FakeRuntime

LIST = ("images",)


def no_checks() -> Iterator[Check]:
    yield from ()


@dataclass
class Store:
    """An engine's images: just names."""

    name: str
    names: list[str] = field(default_factory=list)
    built: list[str] = field(default_factory=list)

    def status(self, wanted: list[str]) -> list[ImageStatus]:
        return [
            ImageStatus(name=name, state=ImageState.READY, id="sha256:1f", reference=name)
            if name in self.names
            else ImageStatus(name=name, state=ImageState.MISSING)
            for name in wanted
        ]

    def ensure(self, names: list[str], **_how: object) -> None:
        self.built += names

    def remove(self, names: list[str]) -> list[str]:
        gone = [name for name in names if name in self.names]
        self.names = [name for name in self.names if name not in gone]
        return gone

    def remove_unused(self) -> list[str]:
        return self.remove(["unused"])

    def open(self) -> EngineAccess:
        return EngineAccess(
            name=self.name,
            runtime=FakeRuntime(),
            make_images=lambda: cast("ImageStore", self),
            checks=no_checks,
        )


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch) -> list[Store]:
    made = [Store("docker"), Store("local")]
    monkeypatch.setattr(access, "ENGINES", {store.name: store.open for store in made})
    monkeypatch.delenv("DOCKER_HOST")
    return made


def test_the_engine_is_a_column_where_several_have_images(
    labctl: Labctl, stores: list[Store]
) -> None:
    for store in stores:
        store.names = [LAB]
    head, *rows = labctl(*LIST).out.splitlines()
    assert head.split()[:3] == ["ENGINE", "IMAGE", "STATE"]
    assert [row.split()[:3] for row in rows if "ready" in row] == [
        ["docker", LAB, "ready"],
        ["local", LAB, "ready"],
    ]


@pytest.mark.parametrize("number", [0, 1])
def test_an_engine_without_images_is_not_listed(
    labctl: Labctl, stores: list[Store], number: int
) -> None:
    stores[number].names = [LAB]
    out = labctl(*LIST).out
    assert out.startswith("IMAGE ")
    assert out.count(LAB) == out.count("ready") == 1
    engines = {one["engine"] for one in json.loads(labctl(*LIST, "--json").out)}
    assert engines == {stores[number].name}


def test_where_none_has_images_the_first_is_listed(labctl: Labctl, stores: list[Store]) -> None:
    found = json.loads(labctl(*LIST, "--json").out)
    assert {one["engine"] for one in found} == {"docker"}
    assert all(one["state"] == "missing" for one in found)
    assert not any(store.built for store in stores)


def test_an_engine_that_is_chosen_is_listed_alone(labctl: Labctl, stores: list[Store]) -> None:
    stores[0].names = [LAB]
    out = labctl(*LIST, "--engine", "local").out
    assert out.startswith("IMAGE ")
    assert "ready" not in out


def test_images_are_built_on_the_engine_that_labs_run_on(
    labctl: Labctl, stores: list[Store]
) -> None:
    docker, local = stores
    labctl("images", "build", "lab")
    assert (docker.built, local.built) == ([LAB], [])
    labctl("images", "build", "lab", "--engine", "local")
    assert (docker.built, local.built) == ([LAB], [LAB])


def test_images_are_removed_from_all_engines_or_the_one_that_is_chosen(
    labctl: Labctl, stores: list[Store]
) -> None:
    docker, local = stores
    docker.names = local.names = [LAB, "unused"]
    assert labctl("images", "remove", "--unused").out == (
        "removed unused from the docker engine\nremoved unused from the local engine\n"
    )
    assert labctl("images", "remove", "lab", "--engine", "local").out == f"removed {LAB}\n"
    assert (docker.names, local.names) == ([LAB], [])
    assert labctl("images", "remove", "lab").out == f"removed {LAB} from the docker engine\n"
    assert labctl("images", "remove", "lab").out == "there was nothing to remove\n"


def test_an_engine_that_does_not_answer_keeps_nobody_from_the_others(
    labctl: Labctl, stores: list[Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> EngineAccess:
        raise EngineError("no Docker")

    local = stores[1]
    local.names = [LAB]
    monkeypatch.setattr(access, "ENGINES", {"docker": refuse, "local": local.open})
    done = labctl("images", "remove", "lab")
    assert (done.code, done.out, done.err) == (0, f"removed {LAB}\n", "")
