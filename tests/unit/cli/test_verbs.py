"""The table of verbs: what it says is so, and it loads no more than the verb that runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from labctl import cli
from labctl.cli.verbs import VERBS, load
from tests.unit.cli.conftest import Labctl

SHARED = {"__init__", "documents", "options", "verbs"}
"""The modules of cli/ that are no verb's."""


@pytest.mark.parametrize("verb", VERBS)
def test_the_table_has_the_first_sentence_of_a_verbs_help(verb: str) -> None:
    text = " ".join((load(verb).help or "").split())
    assert text == VERBS[verb] or text.startswith(f"{VERBS[verb]} ")


def test_every_verb_has_one_module() -> None:
    modules = {path.stem for path in Path(cli.__file__).parent.glob("*.py")} - SHARED
    assert {name.removesuffix("_") for name in modules} == set(VERBS)


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
