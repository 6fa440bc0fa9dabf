"""What the local engine says of images that users have loaded, and of those that it lacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from labctl.engine.lab_images import find_images
from labctl.engine.local.loaded import LoadedImages
from labctl.engine.local.records import Records
from labctl.engine.local.runtime import LocalRuntime
from labctl.engine.local.store import LocalImage, LocalStore
from labctl.errors import EngineError
from labctl.model.compose import Service
from tests.unit.engine.local.saved import config, docker_files, file, tar, write_tar


@pytest.fixture
def runtime(tmp_path: Path) -> LocalRuntime:
    """The engine, with labctl's own image and one that was loaded."""
    store = LocalStore(tmp_path / "cache")
    with store.making() as place:
        store.tag(store.keep(place, LocalImage(id="built")), "labctl/lab:1f")
    layers = [tar(file("x"))]
    about = config(layers, settings={"Labels": {"labctl.events": "1"}})
    archive = write_tar(tmp_path / "own.tar", docker_files(layers, about, ["example.com/web"]))
    LoadedImages(store).load(archive)
    return LocalRuntime(store, Records(tmp_path))


def find(runtime: LocalRuntime, image: str) -> object:
    found = find_images(
        runtime,
        lambda name: "labctl/lab:1f" if name.startswith("labctl/") else None,
        [Service(name="web", image=image)],
    )
    return found.services[image]


@pytest.mark.parametrize("name", ["web", "web:latest", "example.com/web"])
def test_a_service_has_the_image_that_its_name_means(runtime: LocalRuntime, name: str) -> None:
    found = find(runtime, name)
    assert not isinstance(found, EngineError)
    labels = runtime.image_labels(name)
    assert labels is not None
    assert labels["labctl.events"] == "1"


def test_the_error_of_an_image_that_is_missing_says_how_to_load_it(runtime: LocalRuntime) -> None:
    missing = find(runtime, "nginx:1.27")
    assert isinstance(missing, EngineError)
    assert missing.message == "the local engine has no image nginx:1.27"
    assert missing.hint == (
        "docker save nginx:1.27 -o nginx.tar, then labctl images load nginx.tar; "
        "or use Docker: --engine docker"
    )
