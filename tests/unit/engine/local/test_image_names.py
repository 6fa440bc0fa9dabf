"""Names of images that users load: whole, short, and with the host of a registry."""

from __future__ import annotations

import pytest

from labctl.engine.local.image_names import has_host, how_to_load, is_meant, is_name, with_tag

DIGEST = f"sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("nginx", "nginx:latest"),
        ("nginx:1.27", "nginx:1.27"),
        ("own/web", "own/web:latest"),
        ("example.com:5000/web", "example.com:5000/web:latest"),
        ("example.com:5000/web:2", "example.com:5000/web:2"),
        (f"nginx@{DIGEST}", f"nginx@{DIGEST}"),
        (f"nginx:1@{DIGEST}", f"nginx:1@{DIGEST}"),
    ],
)
def test_a_name_without_a_tag_means_the_latest(name: str, full: str) -> None:
    assert with_tag(name) == full
    assert is_name(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nginx", False), ("nginx:1.27", False), ("own/web", False), ("own/web:1.27", False),
        ("example.com/web", True), ("host:80/web", True), ("localhost/web", True),
    ],
)  # fmt: skip
def test_what_is_the_host_of_a_registry(name: str, expected: bool) -> None:
    assert has_host(name) is expected


@pytest.mark.parametrize(
    ("said", "full"),
    [
        ("nginx", "nginx:latest"),
        ("nginx", "example.com/library/nginx:latest"),
        ("library/nginx:1", "example.com/library/nginx:1"),
        ("library/nginx:1", "nginx:1"),
        ("own/web:1", "example.com:5000/own/web:1"),
        ("web", "localhost/web:latest"),
        ("example.com/web", "example.com/web:latest"),
    ],
)
def test_names_that_mean_an_image(said: str, full: str) -> None:
    assert is_meant(said, full)


@pytest.mark.parametrize(
    ("said", "full"),
    [
        ("nginx", "nginx:1.27"),
        ("nginx:1", "own/nginx:1"),
        ("own/nginx:1", "nginx:1"),
        ("example.com/nginx", "nginx:latest"),
        ("example.com/nginx", "other.example.com/nginx:latest"),
        ("com/nginx", "example.com/nginx:latest"),
    ],
)
def test_names_that_mean_another(said: str, full: str) -> None:
    assert not is_meant(said, full)


@pytest.mark.parametrize(
    ("name", "commands"),
    [
        ("nginx:1.27", "docker save nginx:1.27 -o nginx.tar, then labctl images load nginx.tar;"),
        ("own/web", "docker save own/web -o web.tar, then labctl images load web.tar;"),
        (
            "example.com/web:1",
            (
                "docker save example.com/web:1 -o web.tar, "
                "then labctl images load web.tar --as example.com/web:1;"
            ),
        ),
        (
            f"web@{DIGEST}",
            (
                f"docker save web@{DIGEST} -o web.tar, "
                f"then labctl images load web.tar --as web@{DIGEST};"
            ),
        ),
        ("$(reboot)", "docker save '$(reboot)' -o '$(reboot).tar', "),
    ],
)
def test_what_to_do_about_an_image_that_is_missing(name: str, commands: str) -> None:
    assert how_to_load(name).startswith(commands)
    assert how_to_load(name).endswith("; or use Docker: --engine docker")
