"""The table of verbs: what it says is so, and it loads no more than the verb that runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
import typer

from labctl import cli
from labctl.cli.verbs import _MODULES, VERBS, WITH_ENGINE, load
from labctl.engine import access
from labctl.errors import EngineError
from tests.unit import test_imports
from tests.unit.cli.conftest import Labctl

SHARED = {"__init__", "documents", "engine_option", "image_table", "options", "verbs"}
"""The modules of cli/ that are no verb's."""


@pytest.mark.parametrize("verb", VERBS)
def test_the_table_has_the_first_sentence_of_a_verbs_help(verb: str) -> None:
    text = " ".join((load(verb).help or "").split())
    assert text == VERBS[verb] or text.startswith(f"{VERBS[verb]} ")


def test_every_verb_has_one_module() -> None:
    modules = {path.stem for path in Path(cli.__file__).parent.glob("*.py")} - SHARED
    assert {name.removesuffix("_") for name in modules} == set(VERBS)


@pytest.fixture(scope="module")
def edges() -> dict[str, set[str]]:
    """What each module of labctl imports."""
    return test_imports.graph()


def modules_of(verb: str, edges: dict[str, set[str]]) -> set[str]:
    """The modules that the module of a verb imports, and those that these import; without what all
    verbs share.
    """
    found = {f"labctl.cli.{name}" for name in SHARED}
    left = [f"labctl.cli.{_MODULES.get(verb, verb)}"]
    while left:
        module = left.pop()
        if module not in found:
            found.add(module)
            left += edges[module]
    return found


@pytest.mark.parametrize("verb", VERBS)
def test_just_the_verbs_that_use_an_engine_have_its_option(
    verb: str, edges: dict[str, set[str]]
) -> None:
    assert (verb in WITH_ENGINE) == ("labctl.engine.access" in modules_of(verb, edges))


def commands(command: Any) -> Iterator[Any]:
    """A command, and those in it."""
    yield command
    for inner in getattr(command, "commands", {}).values():
        yield from commands(inner)


@pytest.mark.parametrize("verb", VERBS)
def test_the_option_is_in_the_help_with_its_variable(verb: str) -> None:
    shown = (
        "--engine docker|local|auto Where labs run. Default: Docker where it answers, else local. "
        "[env var: LABCTL_ENGINE]"
    )
    for command in commands(load(verb)):
        context = command.make_context(verb, [], resilient_parsing=True)
        text = " ".join(command.get_help(context).split())
        assert (shown in text) == (verb in WITH_ENGINE)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The engines that were opened; none answers."""
    found: list[str] = []

    def opening(name: str) -> Callable[[], NoReturn]:
        def refuse() -> NoReturn:
            found.append(name)
            raise EngineError(f"no {name}")

        return refuse

    monkeypatch.setattr(access, "ENGINES", {name: opening(name) for name in ("docker", "local")})
    monkeypatch.delenv("DOCKER_HOST")
    return found


ANY = (
    ("run", "refused-port"), ("clean",), ("images",), ("images", "build", "lab"),
    ("images", "remove", "lab"), ("doctor",), ("lock",),
)  # fmt: skip


@pytest.mark.parametrize("words", ANY, ids=" ".join)
def test_the_option_and_its_variable_choose(
    labctl: Labctl, opened: list[str], monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    def ask(*option: str, variable: str = "") -> list[str]:
        monkeypatch.setenv("LABCTL_ENGINE", variable)
        opened.clear()
        assert labctl(*words, *option).code == 4
        return opened

    assert ask() == ["docker", "local"]
    assert ask("--engine", "local") == ["local"]
    assert ask(variable="local") == ["local"]
    assert ask("--engine", "docker", variable="local") == ["docker"]
    assert ask("--engine", "auto", variable="local") == ["docker", "local"]


def test_the_option_of_a_group_is_for_its_commands(labctl: Labctl, opened: list[str]) -> None:
    assert labctl("images", "--engine", "local", "build", "lab").code == 4
    assert opened == ["local"]


@pytest.mark.parametrize(
    ("words", "variable"), [(("clean", "--engine", "podman"), ""), (("clean",), "podman")]
)
def test_an_engine_that_is_none(
    labctl: Labctl, opened: list[str], monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...],
    variable: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("LABCTL_ENGINE", variable)
    done = labctl(*words)
    assert (done.code, opened) == (2, [])
    assert "'podman' is not one of 'docker', 'local', 'auto'" in done.err


def test_a_verb_that_is_not_there_is_told_by_the_one_that_was_meant(labctl: Labctl) -> None:
    done = labctl("lits")
    assert done.code == 2
    assert "No such command 'lits'" in done.err
    assert "Did you mean 'list'" in done.err


def last_line(code: str) -> str:
    """The last line that a program prints, in a Python of its own."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.splitlines()[-1]


def test_listing_loads_no_other_verb_and_no_engine() -> None:
    code = (
        "import sys; sys.argv = ['labctl', 'list']\n"
        "from labctl.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: print([m for m in sys.modules if m.startswith('labctl.cli.')\n"
        "    or m in ('docker', 'labctl.engine', 'labctl.wire.decode')])"
    )
    assert last_line(code) == "['labctl.cli.verbs', 'labctl.cli.options', 'labctl.cli.list_']"


def test_help_and_completion_of_any_verb_load_nothing_that_the_verb_works_with() -> None:
    code = (
        "import sys, typer; from labctl import cli\n"
        "typer.main.get_command(cli.app).load_all()\n"
        "print([m for m in ('docker', 'rich', 'yaml', 'labctl.engine', 'labctl.model.result')\n"
        "    if m in sys.modules])"
    )
    assert last_line(code) == "[]"


def test_all_verbs_can_be_loaded_at_once() -> None:
    command: Any = typer.main.get_command(cli.app)
    assert not command.commands["run"].params
    command.load_all()
    assert command.commands["run"].params
    assert list(command.commands) == list(VERBS)
