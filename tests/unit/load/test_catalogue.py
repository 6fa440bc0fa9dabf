"""Scenarios found by name in folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from labctl.errors import UsageError
from labctl.load import catalogue as module
from labctl.load.catalogue import Catalogue
from labctl.load.compose import load_compose
from labctl.model.compose import Service
from tests.unit.load.texts import COMPOSE, LAB, SCENARIO, hint, mistakes, write


def named(name: str) -> str:
    return SCENARIO.replace("name: mine", f"name: {name}")


def catalogue(*folders: str) -> Catalogue:
    return Catalogue([Path(f) for f in folders or ("s",)], LAB)


def test_scenarios_are_found_in_all_folders_below() -> None:
    write("s/tcp/b.yaml", named("b"))
    write("s/a.yml", named("a"))
    write("t/smtp/deep/c.yaml", named("c"))
    both = catalogue("s", "t")
    assert both.names() == ["a", "b", "c"]
    assert [scenario.name for scenario in both.all()] == ["a", "b", "c"]
    assert both.load("b").path == Path("s/tcp/b.yaml")


@pytest.mark.parametrize(
    "name",
    [
        "lab.yaml",
        "compose.yaml",
        "docker-compose.yml",
        "mine.compose.yaml",
        "compose/any.yaml",
        ".hidden.yaml",
        ".git/a.yaml",
        "client.py",
        "notes.txt",
    ],
)
def test_files_that_are_no_scenarios(name: str) -> None:
    write("s/a.yaml", named("a"))
    write(f"s/{name}", COMPOSE)
    assert catalogue().names() == ["a"]


def test_names_reads_no_file() -> None:
    write("s/broken.yaml", "{")
    assert catalogue().names() == ["broken"]


def test_a_path_is_loaded_from_where_it_is() -> None:
    write("s/a.yaml", named("a"))
    write("other.yaml", named("named-otherwise"))
    write("folder/plain", named("plain"))
    mine = catalogue()
    assert mine.load("other.yaml").name == "named-otherwise"
    assert mine.load("./folder/plain").name == "plain"
    assert mistakes(lambda: mine.load("none.yaml")) == ["none.yaml: there is no such file"]
    assert mistakes(lambda: mine.load("folder/")) == ["folder: this is a directory, not a file"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("refused-prt", 'no scenario is called "refused-prt"; did you mean "refused-port"?'),
        ("zebra", 'no scenario is called "zebra"'),
        ("", 'no scenario is called ""'),
    ],
)
def test_an_unknown_name(name: str, message: str) -> None:
    write("s/refused-port.yaml", named("refused-port"))
    with pytest.raises(UsageError) as caught:
        catalogue().load(name)
    assert str(caught.value) == message
    assert caught.value.exit_code == 2
    assert caught.value.hint == (
        "`labctl list` shows them all; a file is given as a path, like ./mine.yaml"
    )


@pytest.mark.parametrize("folder", ["none", "builtin.yaml"])
def test_a_folder_that_is_not_there(folder: str) -> None:
    with pytest.raises(UsageError) as caught:
        catalogue(folder)
    assert str(caught.value) == f"there is no folder {folder}"
    assert caught.value.exit_code == 2
    assert caught.value.hint == "give --scenarios a folder of scenarios"


def test_a_file_called_otherwise_than_its_scenario() -> None:
    write("s/a.yml", named("b"))
    mine = catalogue()
    expected = ['s/a.yml: name: must be "a", as the file is called, not "b"']
    assert mistakes(lambda: mine.load("a")) == expected
    assert mistakes(mine.all) == expected
    assert hint(mine.all) == "rename the file to b.yml, or change `name`"


def test_two_files_with_one_name() -> None:
    write("s/tcp/a.yaml", named("a"))
    write("t/a.yml", named("a"))
    mine = catalogue("s", "t")
    expected = ['t/a.yml: there is a scenario called "a" in s/tcp/a.yaml too']
    assert mistakes(mine.names) == expected
    assert mistakes(lambda: mine.load("a")) == expected
    assert hint(mine.names) == "rename one of the two"


def test_one_folder_given_twice_is_no_contradiction() -> None:
    write("s/tcp/a.yaml", named("a"))
    Path("link").symlink_to("s")
    assert catalogue("s", "s/tcp", "link").names() == ["a"]


def test_a_link_to_nowhere_is_a_scenario_that_cannot_be_read() -> None:
    Path("s").mkdir()
    Path("s/a.yaml").symlink_to("nowhere.yaml")
    assert mistakes(lambda: catalogue().load("a")) == ["s/a.yaml: there is no such file"]


def test_all_tells_the_mistakes_of_every_file() -> None:
    write("s/a.yaml", named("a").replace("title:", "titel:").replace("tcp", "tpc"))
    write("s/b.yaml", "- no scenario")
    write("s/c.yaml", named("c"))
    assert [message.partition(": ")[0] for message in mistakes(catalogue().all)] == [
        "s/a.yaml:2",
        "s/a.yaml:3",
        "s/b.yaml:1",
    ]


def test_a_compose_file_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Path] = []

    def read(path: Path) -> dict[str, Service]:
        seen.append(path)
        return load_compose(path)

    monkeypatch.setattr(module, "load_compose", read)
    for name in ("a", "b", "c"):
        write(f"s/{name}.yaml", named(name))
    mine = catalogue()
    assert len(mine.all()) == len(mine.all()) == 3
    assert seen == [LAB]
