"""`labctl record`: run scenarios, and write down what they are to expect."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from labctl.cli import options
from labctl.cli.verbs import verb_app

if TYPE_CHECKING:
    from labctl.record.rewriting import Rewriting
    from labctl.run.output import Output

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}
EXAMPLES = """\b
Examples:
  labctl record my.yaml                   its attempts that expect nothing yet
  labctl record my.yaml --all             all of its attempts, anew
  labctl record --scenarios mine --all    would anything change? Exits with 1
"""


app = verb_app()


@app.command(epilog=EXAMPLES)
def record(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|NAME",
            help="Your own files, or scenarios by name. Default: all of --scenarios.",
            autocompletion=options.complete_scenario,
        ),
    ] = [],  # noqa: B006 typer copies it
    all_: Annotated[
        bool, typer.Option("--all", help="Also attempts that have an `expect` already.")
    ] = False,
    attempt: options.Attempts = [],  # noqa: B006
    python: options.Pythons = "all",
    jobs: options.Jobs = 4,
    repeat: Annotated[
        int,
        typer.Option(
            min=1, max=100, help="Make every attempt this many times; what differs is not written."
        ),
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
    from labctl.record.recorder import RecordRequest, record_scenarios
    from labctl.results.summary import NOT_AS_EXPECTED
    from labctl.run.output import Output
    from labctl.run.request import Limits

    output = Output()
    request = RecordRequest(
        names=tuple(names),
        everything=all_,
        folders=tuple(scenarios),
        attempts=tuple(attempt),
        pythons=python,
        repeat=repeat,
        limits=Limits(jobs=jobs, limit_s=timeout),
    )
    recording = record_scenarios(request, output)
    if recording.is_empty:
        output.note("nothing to record: all have their `expect`; --all records them anew")
        return
    for line in recording.notes:
        output.note(line)
    is_written = _write(recording.files, output, unasked=yes)
    raise typer.Exit(max(recording.exit_code, 0 if is_written else NOT_AS_EXPECTED))


def _write(files: Sequence[Rewriting], output: Output, *, unasked: bool) -> bool:
    """Show what changes, and write it if the user wants that. Return whether nothing is left to
    write.
    """
    from rich.text import Text

    from labctl.report.console import make_console

    console = make_console()
    for line in (line for file in files for line in file.diff()):
        console.print(Text(line, _COLOURS.get(line[0], "")), soft_wrap=True)
    if not files:
        output.note("nothing changes")
        return True
    if not unasked and not (sys.stdin.isatty() and typer.confirm(_question(files), err=True)):
        output.note("nothing was written; --yes writes without asking")
        return False
    for file in files:
        file.write()
    output.note(f"wrote {', '.join(str(file.path) for file in files)}")
    return True


def _question(files: Sequence[Rewriting]) -> str:
    """Return the question that is asked before files are rewritten."""
    return f"Write {files[0].path}?" if len(files) == 1 else f"Write these {len(files)} files?"
