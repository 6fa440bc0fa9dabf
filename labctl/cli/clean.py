"""`labctl clean`: remove what runs have left on the engines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from labctl.cli import options
from labctl.cli.verbs import verb_app

if TYPE_CHECKING:
    from labctl.engine.access import EngineAccess
    from labctl.engine.cleanup import Removed

app = verb_app()


@app.command(epilog="Example: labctl clean")
def clean(
    run: Annotated[
        str,
        typer.Argument(
            metavar="[RUN]",
            help="Only what this run has left, by its id. Default: all runs that are over.",
            show_default=False,
            autocompletion=options.complete_run,
        ),
    ] = "",
    all_: Annotated[
        bool, typer.Option("--all", help="Also the labs of runs that may still be working.")
    ] = False,
) -> None:
    """Remove labs that were kept, or whose labctl died.

    If it can't tell whether a labctl runs, it removes the labs of that one after four hours. Labs
    of runs that are at work stay, unless --all is given. Images stay, too (see `labctl images`).
    Without --engine, it looks at every engine that answers.

    On an engine that others use, set LABCTL_OWNER to a name before you run anything: then clean
    removes only labs of that name.
    """
    from labctl.engine.access import open_engines
    from labctl.engine.cleanup import Removed

    engines = open_engines()
    if run:
        _check_run(engines, run, may_run=all_)
    parts = [engine.sweep_all(running=all_, run=run) for engine in engines]
    removed = Removed.together(parts)
    typer.echo(
        f"removed {removed.containers} containers, {removed.networks} networks, "
        f"{removed.volumes} volumes"
    )
    for engine, part in zip(engines, parts, strict=True):
        _tell_what_is_left(engine, part, run, where=_on(engine) if engines[1:] else "")


def _check_run(engines: Sequence[EngineAccess], run: str, *, may_run: bool) -> None:
    """Raise UsageError if a run has nothing on the engines, or is at work and not to be ended."""
    from labctl.errors import UsageError, did_you_mean

    found = [engine.leftovers() for engine in engines]
    runs = {name: [one[name] for one in found if name in one] for one in found for name in one}
    if run not in runs:
        which = "these engines" if engines[1:] else "this engine"
        raise UsageError(
            f"no run {run} has anything on {which}{did_you_mean(run, runs)}",
            hint=f"these have: {', '.join(runs)}" if runs else "nothing of any run is left",
        )
    if not (may_run or all(left.is_over for left in runs[run])):
        raise UsageError(
            f"run {run} may still be working", hint=f"`labctl clean --all {run}` ends it"
        )


def _on(engine: EngineAccess) -> str:
    """Return which engine something is on, for a message about several."""
    return f" on the {engine.name} engine"


def _tell_what_is_left(engine: EngineAccess, removed: Removed, run: str, *, where: str) -> None:
    """Tell on stderr what the engine does not let go of, and which runs were left alone. `where`
    says which engine it is, where there are several.
    """
    from labctl.engine.cleanup import held_error

    if removed.held:
        trouble = held_error(removed.held)
        typer.echo(f"labctl:{where and f'{where}:'} {trouble}\n  hint: {trouble.hint}", err=True)
    left = {name: found for name, found in engine.leftovers().items() if not found.is_over}
    if left and not run:
        containers = sum(found.containers for found in left.values())
        typer.echo(
            f"left alone{where}: {containers} containers of runs in progress ({', '.join(left)}); "
            "labctl clean --all removes them too",
            err=True,
        )
