"""`labctl record`: run scenarios, and write down what they are to expect."""

from __future__ import annotations

from typing import Annotated

import typer

from labctl.cli import options

EXAMPLES = """\b
Examples:
  labctl record my.yaml                   its attempts that expect nothing yet
  labctl record my.yaml --all             all of its attempts, anew
  labctl record --scenarios mine --all    would anything change? Exits with 1
"""


def record(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|NAME",
            help="Your own files, or scenarios by name. None: all of --scenarios.",
            autocompletion=options.complete_scenario,
        ),
    ] = [],  # noqa: B006 typer copies it
    all_: Annotated[
        bool, typer.Option("--all", help="Also attempts that have their `expect`, anew.")
    ] = False,
    attempt: options.Attempts = [],  # noqa: B006
    python: options.Pythons = "all",
    jobs: options.Jobs = 4,
    repeat: Annotated[
        int, typer.Option(min=1, max=100, help="Make every attempt so often: what differs is out.")
    ] = 2,
    timeout: options.Timeout = 30.0,
    yes: Annotated[bool, typer.Option("--yes", help="Write without asking.")] = False,
    scenarios: options.Scenarios = [],  # noqa: B006
) -> None:
    """Fill in what scenarios expect: what clients meet on every Python.

    Read the difference that it shows, before you let it be written: what is observed is not always
    what should be. Without a terminal and without --yes nothing is written, and the exit code is 1
    if anything would be.
    """
    from labctl.cli.execute import Limits  # noqa: PLC0415
    from labctl.cli.recording import Wanted, carry_out  # noqa: PLC0415

    wanted = Wanted(
        names=tuple(names),
        everything=all_,
        folders=tuple(scenarios),
        attempts=tuple(attempt),
        pythons=python,
        repeat=repeat,
        limits=Limits(jobs=jobs, limit_s=timeout),
        unasked=yes,
    )
    raise typer.Exit(carry_out(wanted))
