"""The verbs: a table with a line of help for each, and where each is loaded from.

A verb's module is imported when the verb runs, and not before: `labctl --help` needs none. So these
modules may import at their top whatever they need.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

VERBS = {
    "run": "Run scenarios in an isolated lab and judge what clients meet.",
    "compare": "Run all clients of a scenario, and say what each would have to catch.",
    "list": "List the scenarios, their clients and what is expected.",
    "show": "Tell a scenario's story, who talks to whom, and what is expected.",
    "explain": "Name the scenarios that produce an exception, those most like it first.",
    "validate": "Check scenario files without running them.",
    "new": "Write a scenario to start from, NAME.yaml: it runs as it is, and says what to change.",
    "record": "Fill in what scenarios expect: what clients meet on every Python.",
    "report": "Show a result again, or write it in another form: a page, JUnit, CTRF.",
    "diff": "Say what changed between two runs, the worst first: verdicts, outcomes, exceptions,"
    " stacks.",
    "merge": "Join the results of the parts of a run, and show or write them as one.",
    "rerun": "Make the attempts of a result again, with its scenarios, its client and its limits.",
    "lock": "Write labctl.lock: the images that runs use now, by digest, and what is in them.",
    "check": "Mark your own work: points, what was expected and seen, and a hint where it went"
    " wrong.",
    "grade": "Grade submissions, whoever wrote them, on evidence that they can't forge.",
    "schema": "Print the JSON Schema of scenario files, for editors.",
    "doctor": "Check engine, isolation (by trying), kernel and images.",
    "clean": "Remove labs that were kept, or whose labctl died.",
    "exercise": "List exercises, show one, start one, and check that their files are right.",
    "images": "List, build, load and remove the images that labs are made of.",
}
"""The first sentence of each verb's help, by the verb. The module of a verb has its name."""
_MODULES = {"list": "list_"}
"""The modules that are called otherwise."""

WITH_ENGINE = frozenset(
    ("run", "compare", "record", "rerun", "lock", "check", "grade", "doctor", "clean", "images")
)
"""The verbs that use an engine, with all commands of a group: they have the option `--engine`."""

_PREFIX = "LABCTL"
_RUNS = ("run", "merge")
"""The verbs whose options have no verb in their variables: `merge` joins runs."""


class Verbs(TyperGroup):
    """A group of commands that are loaded when one of them is to run.

    Each option gets an environment variable: LABCTL_JOBS is for `run --jobs`, and with the verb's
    name in it for all other verbs, such as LABCTL_LIST_CLIENT for `list --client`: what is set for
    runs changes nothing else. Only LABCTL_ENGINE is for all verbs.
    """

    def __init__(self, **attributes: Any) -> None:
        """List all verbs with their help, without loading them."""
        super().__init__(**attributes)
        self.commands.update({name: TyperCommand(name, help=text) for name, text in VERBS.items()})

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return name, command and further arguments, as the base class does; loads the command."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and load(name or ""), rest

    def load_all(self) -> None:
        """Load all commands."""
        self.commands.update({name: load(name) for name in VERBS})


def load(name: str) -> Any:
    """Import a verb's module, and return the command."""
    module = import_module(f"labctl.cli.{_MODULES.get(name, name)}")
    command = typer.main.get_command(module.app)
    _set_variables(command, [_PREFIX] if name in _RUNS else [_PREFIX, name])
    if name in WITH_ENGINE:
        from labctl.cli.engine_option import add_engine_option

        add_engine_option(command)
    return command


def _set_variables(command: Any, words: Iterable[str]) -> None:
    """Give every option of a command an environment variable, named after the verb and the
    option.
    """
    for option in command.params:
        if isinstance(option, TyperOption):
            longest = max(option.opts, key=len).lstrip("-")
            option.envvar = "_".join([*words, longest]).replace("-", "_").upper()
    for name, inner in getattr(command, "commands", {}).items():
        _set_variables(inner, [*words, name])


def verb_app(**attributes: Any) -> typer.Typer:
    """Return the app for a verb's function, or for the several functions of a group."""
    return typer.Typer(
        add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, **attributes
    )
