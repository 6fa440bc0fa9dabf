"""`labctl clean`: remove what runs have left on the engine."""

from __future__ import annotations

from typing import Annotated

import typer

from labctl.cli.verbs import verb_app

app = verb_app()


@app.command(epilog="Example: labctl clean")
def clean(
    all_: Annotated[
        bool, typer.Option("--all", help="Also the labs of runs that may still be working.")
    ] = False,
) -> None:
    """Remove labs that were kept (run --keep) or have expired.

    It finds containers, networks and volumes by their labels. Images stay (see `labctl images`).
    """
    from labctl.engine.access import open_engine

    engine = open_engine()
    removed = engine.sweep_all(running=all_)
    typer.echo(
        f"removed {removed.containers} containers, {removed.networks} networks, "
        f"{removed.volumes} volumes"
    )
    if all_:
        return
    if left := engine.leftovers():
        typer.echo(
            f"left alone: {sum(left.values())} containers of runs in progress ({', '.join(left)}); "
            "labctl clean --all removes them too",
            err=True,
        )
