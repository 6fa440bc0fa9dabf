from __future__ import annotations

from dataclasses import replace

import pytest

from labctl.engine.images.docker_context import archive, build_context
from labctl.engine.images.layers import Layer, Recipe
from tests.unit.images.fakes import parsed

BASE = "sha256:base"
RECIPE = Recipe(
    commands=(("/labctl/python", "-c", "print(1)"), ("/bin/sh", "-c", 'echo "$HOME" \\ é')),
    environment={"PATH": "/bin", "LANG": "C.UTF-8"},
    user="65534:65534",
    working_dir="/tmp",
    entrypoint=("/labctl/python", "main.py"),
)
LAYER = Layer(
    files={"labctl/main.py": b"1", "etc/passwd": b""},
    links={"usr/bin/python": "/labctl/python"},
    labels={"labctl.image": "labctl/x", "labctl.content": "1f"},
    recipe=RECIPE,
)


def lines(layer: Layer) -> list[str]:
    return parsed(build_context(layer, BASE)).lines


def test_the_lines_and_their_order() -> None:
    """The labels are first: every step has them. What is run is run as root."""
    assert lines(LAYER) == [
        "FROM sha256:base",
        'LABEL labctl.content="1f" labctl.image="labctl/x"',
        "USER 0:0",
        "COPY root/ /",
        'RUN ["/labctl/python", "-c", "print(1)"]',
        'RUN ["/bin/sh", "-c", "echo \\"$HOME\\" \\\\ \\u00e9"]',
        'ENV LANG="C.UTF-8" PATH="/bin"',
        "USER 65534:65534",
        "WORKDIR /tmp",
        'ENTRYPOINT ["/labctl/python", "main.py"]',
    ]


def test_what_a_layer_does_not_say_is_the_bases() -> None:
    bare = Layer(files={}, links={}, labels={}, recipe=Recipe())
    assert lines(bare) == ["FROM sha256:base"]
    assert list(parsed(build_context(bare, BASE)).members) == ["Dockerfile"]


def test_without_a_user_in_the_end_none_is_set_before() -> None:
    """Docker can't go back to the user that the base has."""
    said = lines(replace(LAYER, recipe=replace(RECIPE, user="")))
    assert not any(line.startswith("USER") for line in said)


def test_links_alone_are_copied() -> None:
    context = build_context(replace(LAYER, files={}), BASE)
    assert "COPY root/ /" in parsed(context).lines
    link = parsed(context).members["root/usr/bin/python"]
    assert (link.issym(), link.linkname) == (True, "/labctl/python")
    assert "root/usr/bin" in parsed(context).members


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("", '""'),
        ("two words # here", '"two words # here"'),
        ('say "hi"', r'"say \"hi\""'),
        ("$HOME and ${HOME}", r'"\$HOME and \${HOME}"'),
        ("ends with \\", r'"ends with \\"'),
        ("it's", '"it\'s"'),
    ],
)
def test_values_are_quoted(value: str, written: str) -> None:
    recipe = Recipe(environment={"NAME": value})
    said = lines(replace(LAYER, labels={"name": value}, recipe=recipe))
    assert f"LABEL name={written}" in said
    assert f"ENV NAME={written}" in said


@pytest.mark.parametrize("value", ["one\ntwo", "one\rtwo"])
def test_a_value_cannot_add_a_line(value: str) -> None:
    with pytest.raises(ValueError, match="several lines"):
        build_context(replace(LAYER, labels={"name": value}), BASE)


def test_archives_are_the_same_each_time_and_readable_by_all() -> None:
    files = {"b/c.py": b"x", "Dockerfile": b""}
    assert archive(files, {}) == archive(dict(reversed(files.items())), {})
    found = parsed(archive(files, {})).members
    assert list(found) == ["b", "Dockerfile", "b/c.py"]
    assert {name: entry.mode for name, entry in found.items()} == {
        "b": 0o755, "Dockerfile": 0o644, "b/c.py": 0o644,
    }  # fmt: skip
    assert {(entry.uid, entry.gid, entry.mtime) for entry in found.values()} == {(0, 0, 0)}
