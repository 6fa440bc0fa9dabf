"""`labctl images` and images that users load: which engine takes them, and what is done by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest

from labctl.cli.images import complete_image, complete_word
from labctl.engine import access
from labctl.engine.access import EngineAccess
from labctl.engine.images.names import LAB
from labctl.engine.images.store import ImageStore
from labctl.engine.local.loaded import LoadedImages, find_image
from labctl.engine.local.store import LocalStore
from labctl.errors import EngineError
from tests.unit.cli.conftest import Labctl
from tests.unit.cli.test_images import Store, no_checks
from tests.unit.engine.fake_runtime import FakeRuntime
from tests.unit.engine.local.saved import docker_files, file, tar, write_tar

LOCAL = ("--engine", "local")
WORDS = complete_word("")


class OtherStore(Store):
    """The images that labctl makes: none, and none that is unfinished."""

    def remove_unfinished(self) -> None:
        """Nothing is."""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
    """The images of an engine that loads them, which is the second of two."""
    docker, local, store = OtherStore("docker"), OtherStore("local"), LocalStore(tmp_path / "cache")

    def open_local() -> EngineAccess:
        return EngineAccess(
            name="local",
            runtime=FakeRuntime(),
            make_images=lambda: cast("ImageStore", local),
            checks=no_checks,
            own_images=LoadedImages(store),
        )

    monkeypatch.setattr(access, "ENGINES", {"docker": docker.open, "local": open_local})
    monkeypatch.delenv("DOCKER_HOST")
    return store


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    files = docker_files([tar(file("index.html", b"x" * 2_000_000))], names=["own/web", "nginx:1"])
    return write_tar(tmp_path / "web.tar", files)


def test_each_name_is_a_row(labctl: Labctl, own: LocalStore, archive: Path) -> None:
    done = labctl("images", "load", archive, *LOCAL)
    assert (done.code, done.out, done.err) == (0, "loaded nginx:1\nloaded own/web:latest\n", "")
    image = find_image(own, "nginx:1")
    assert image is not None
    rows = [line.split() for line in labctl("images", *LOCAL).out.splitlines()[-2:]]
    assert rows == [
        ["nginx:1", "ready", "-", "file", "2", "MB", image.id[:12]],
        ["own/web:latest", "ready", "-", "file", "2", "MB", image.id[:12]],
    ]
    assert json.loads(labctl("images", "--json").out)[-1] == {
        "engine": "local", "name": "own/web:latest", "state": "ready", "python": "",
        "origin": "file", "size": 2_000_000, "id": image.id, "reference": "own/web:latest",
    }  # fmt: skip


def test_an_image_is_given_a_name(labctl: Labctl, own: LocalStore, archive: Path) -> None:
    assert labctl("images", "load", archive, "--as", "web", *LOCAL).out == "loaded web:latest\n"
    assert [one.names for one in own.all()] == [("web:latest",)]


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("chosen", ["docker", "auto"])
def test_docker_loads_images_itself(labctl: Labctl, archive: Path, chosen: str) -> None:
    done = labctl("images", "load", archive, "--engine", chosen)
    assert (done.code, done.out) == (2, "")
    assert "labs run on the docker engine, which loads images itself" in done.err
    assert f"hint: docker load -i {archive}; or load it for the other: --engine local" in done.err


@pytest.mark.usefixtures("own")
def test_what_is_wrong_is_said_in_two_lines(labctl: Labctl, archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:5000])
    done = labctl("images", "load", archive, *LOCAL)
    assert (done.code, done.out) == (3, "")
    assert done.err == (
        f"labctl: {archive}: it is no folder and no whole tar archive: unexpected end of data\n"
        "  hint: save or copy it again\n"
    )


@pytest.mark.parametrize("how", [(), LOCAL])
def test_images_are_removed_by_their_names(
    labctl: Labctl, own: LocalStore, archive: Path, how: tuple[str, ...]
) -> None:
    labctl("images", "load", archive, *LOCAL)
    where = "" if how else " from the local engine"
    done = labctl("images", "remove", "nginx:1", "own/web", "lab", *how)
    assert done.out == f"removed nginx:1{where}\nremoved own/web:latest{where}\n"
    assert own.all() == []


@pytest.mark.parametrize("how", ["--all", "--unused"])
def test_those_that_were_loaded_stay(
    labctl: Labctl, own: LocalStore, archive: Path, how: str
) -> None:
    labctl("images", "load", archive, *LOCAL)
    assert labctl("images", "remove", how).out == "there was nothing to remove\n"
    assert [one.names for one in own.all()] == [("nginx:1", "own/web:latest")]


def test_one_that_is_named_beside_all_is_removed(
    labctl: Labctl, own: LocalStore, archive: Path
) -> None:
    labctl("images", "load", archive, *LOCAL)
    cast("OtherStore", access.ENGINES["local"]().images()).names = [LAB]
    done = labctl("images", "remove", "--all", "nginx:1", *LOCAL)
    assert done.out == f"removed {LAB}\nremoved nginx:1\n"
    assert [one.names for one in own.all()] == [("own/web:latest",)]


def test_a_name_that_no_image_has_removes_nothing(
    labctl: Labctl, own: LocalStore, archive: Path
) -> None:
    labctl("images", "load", archive, *LOCAL)
    done = labctl("images", "remove", "nginx:1", "nginx")
    assert (done.code, done.out) == (2, "")
    assert "there is no image for 'nginx'" in done.err
    assert "3.14-libs, nginx:1, own/web:latest" in done.err
    assert len(own.all()) == 1


def test_an_image_in_use_is_not_removed(labctl: Labctl, own: LocalStore, archive: Path) -> None:
    labctl("images", "load", archive, "--as", "web", *LOCAL)
    image = find_image(own, "web")
    assert image is not None
    own.lock(image)
    done = labctl("images", "remove", "web", *LOCAL)
    assert (done.code, done.out) == (4, "")
    assert "removing web: something uses it" in done.err


@pytest.mark.usefixtures("own")
def test_names_are_completed(
    labctl: Labctl, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labctl("images", "load", archive, *LOCAL)
    assert complete_image("") == [*WORDS, "nginx:1", "own/web:latest"]
    assert complete_image("ng") == ["nginx:1"]
    assert complete_word("3.13") == ["3.13", "3.13-libs"]

    def refuse() -> EngineAccess:
        raise EngineError("no engine")

    monkeypatch.setattr(access, "ENGINES", {"docker": refuse})
    assert complete_image("") == WORDS
