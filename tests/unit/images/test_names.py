from __future__ import annotations

import pytest

from labctl.engine.images.names import LAB, client_image, libraries_image, parse_name
from labctl.errors import UsageError
from labctl.pythons import SERIES


@pytest.mark.parametrize("name", ["labctl/lab", "labctl/lab:latest"])
def test_the_lab_image_has_a_tag_or_not(name: str) -> None:
    target = parse_name(name)
    assert (target.name, target.kind, target.series) == (LAB, "lab", "3.13")


@pytest.mark.parametrize("series", SERIES)
def test_client_images(series: str) -> None:
    target = parse_name(client_image(series))
    assert (target.name, target.kind, target.series) == (
        f"labctl/client:{series}", "client", series,
    )  # fmt: skip


@pytest.mark.parametrize("series", SERIES)
def test_images_with_libraries_are_made_of_those_without(series: str) -> None:
    target = parse_name(libraries_image(series))
    assert (target.name, target.kind, target.series, target.parent) == (
        f"labctl/client:{series}-libs", "libs", series, client_image(series),
    )  # fmt: skip
    assert parse_name(target.parent).parent == ""


CONTENT = "2c26b46b68ff0123"


@pytest.mark.parametrize("host", ["", "localhost/", "engine.example/"])
@pytest.mark.parametrize(
    ("name", "tags"),
    [
        (LAB, ["latest", "2c26b46b68ff"]),
        (client_image("3.13"), ["3.13", "3.13-2c26b46b68ff"]),
        (libraries_image("3.13"), ["3.13-libs", "3.13-libs-2c26b46b68ff"]),
    ],
)
def test_what_engines_call_our_images(host: str, name: str, tags: list[str]) -> None:
    target = parse_name(name)
    repository = name.partition(":")[0]
    assert target.tagged(CONTENT) == f"{repository}:{tags[1]}"
    for tag in tags:
        assert target.is_called(f"{host}{repository}:{tag}")


@pytest.mark.parametrize(
    "name",
    [
        "example.com/team/labctl/client:3.13", "example.com/ours/labctl/client:3.13-2c26b46b68ff",
        "localhost/other/labctl/client:3.13", "localhost/team/labctl/client:3.13",
        "labctl/client:keep-me", "labctl/client:3.13-keep-me", "labctl/client:2c26b46b68ff",
        "labctl/client:3.13-2C26B46B68FF", "labctl/client:3.13-2c26b46b68f",
        "labctl/client:3.13-libs-2c26b46b68ff", "labctl/client:3.12-2c26b46b68ff",
        "labctl/client:3x13", "labctl/lab:3.13",
    ],
)  # fmt: skip
def test_what_people_call_images_is_theirs(name: str) -> None:
    assert not parse_name(client_image("3.13")).is_called(name)


@pytest.mark.parametrize("name", ["labctl/client:3.8", "labctl/client:3.8-libs"])
def test_a_python_without_an_image(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_name(name)
    assert str(caught.value) == "there is no image for Python 3.8"
    assert caught.value.hint == "there are 3.9, 3.10, 3.11, 3.12, 3.13, 3.14"


@pytest.mark.parametrize(
    "name", ["nginx", "labctl/client", "labctl/lab:old", "a/b/client:3.13", "labctl/lab-libs"]
)
def test_other_images_are_not_ours_to_make(name: str) -> None:
    with pytest.raises(UsageError, match=f"labctl makes no image {name}"):
        parse_name(name)
