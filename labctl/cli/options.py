"""Options that several verbs have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

LOCK_FILE: Final = "labctl.lock"
"""What `labctl lock` writes and --locked reads, in the folder where one is."""


def complete_scenario(incomplete: str) -> list[str]:
    """Return the names of scenarios for shell completion."""
    from labctl.run.selection import catalogue

    return [name for name in catalogue(()).names() if name.startswith(incomplete)]


def complete_layer(incomplete: str) -> list[str]:
    """Return the names of layers for shell completion."""
    from labctl.model.layers import LAYERS

    return [layer for layer in LAYERS if layer.startswith(incomplete)]


def complete_exception(incomplete: str) -> list[str]:
    """Return the names of exceptions for shell completion, without modules unless a module is
    begun.
    """
    from labctl.model.exceptions import known_names

    full = {name for name in known_names() if name.startswith(incomplete) and "." in incomplete}
    bare = {name.rpartition(".")[2] for name in known_names()}
    return sorted(full or {name for name in bare if name.startswith(incomplete)})


def complete_exercise(incomplete: str) -> list[str]:
    """Return the names of exercises for shell completion."""
    from labctl.grading.exercises import exercises

    return [name for name in exercises(()).names() if name.startswith(incomplete)]


def complete_run(incomplete: str) -> list[str]:
    """Return the ids of runs that have something on an engine, for shell completion; none where no
    engine answers.
    """
    from labctl.engine.access import open_engines
    from labctl.errors import EngineError, UsageError

    try:
        found = [run for engine in open_engines() for run in engine.leftovers()]
    except (EngineError, UsageError):
        return []
    return [run for run in dict.fromkeys(found) if run.startswith(incomplete)]


Scenarios = Annotated[
    list[Path],
    typer.Option(
        "--scenarios",
        metavar="DIR",
        exists=True,
        file_okay=False,
        help="Take scenarios from this folder too. May be given several times.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Scenario = Annotated[
    str,
    typer.Argument(
        metavar="NAME|FILE",
        help="A scenario's name, or a file.",
        autocompletion=complete_scenario,
    ),
]
Attempts = Annotated[
    list[str], typer.Option("--attempt", metavar="A", help="Only attempts of this name.")
]
Pythons = Annotated[
    str, typer.Option(metavar="3.9,3.13|all", help="The Pythons to run the clients on.")
]
Jobs = Annotated[int, typer.Option(min=1, max=64, help="Attempts to make at once.")]
Locked = Annotated[
    bool,
    typer.Option(
        "--locked", help="Use exactly the images that labctl.lock names (see `labctl lock`)."
    ),
]
Timeout = Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds that a client may take.")]
Exercise = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="An exercise's name, or its folder.", autocompletion=complete_exercise
    ),
]
Seed = Annotated[
    str,
    typer.Option(
        metavar="TEXT",
        help="The seed of names, ports and order, which vary: the same seed repeats them."
        " Default: a random one.",
    ),
]
Exercises = Annotated[
    list[Path],
    typer.Option(
        "--exercises",
        metavar="DIR",
        exists=True,
        file_okay=False,
        help="Take exercises from this folder too. May be given several times.",
    ),
]
