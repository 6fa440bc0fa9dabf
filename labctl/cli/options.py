"""Options that several verbs have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def complete_scenario(incomplete: str) -> list[str]:
    """Names for shell completion."""
    from labctl.cli.selection import catalogue  # noqa: PLC0415

    return [name for name in catalogue(()).names() if name.startswith(incomplete)]
