"""`labctl lock`: write down what runs may use from now on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labctl.cli import options
from labctl.cli.verbs import verb_app
from labctl.errors import UsageError

app = verb_app()


@app.command(epilog="Example: labctl lock")
def lock(
    python: options.Pythons = "all",
    file: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write it.")] = Path(
        options.LOCK_FILE
    ),
) -> None:
    """Write labctl.lock: the images that runs use now, by digest, and what is in them.

    `labctl run --locked` then refuses all others. Images that are missing are built first.
    """
    from labctl import __version__
    from labctl.engine.access import open_engine
    from labctl.load.lock import lock_of, lock_text
    from labctl.pythons import parse_series
    from labctl.run.output import Output
    from labctl.run.pythons import image_names
    from labctl.run.signals import terminable

    series = parse_series(python)
    output = Output()
    with terminable():
        engine = open_engine()
        with output.progress("images") as progress:
            names = image_names(series, with_libraries=True)
            images = engine.images().ensure(names, progress=progress.image)
    found = {name: image.info for name, image in images.items()}
    made = lock_of(found, __version__, engine=str(engine.name))
    try:
        file.write_text(lock_text(made), "utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot write {file}: {error.strerror}", hint="give --out another file"
        ) from error
    typer.echo(f"{file} has {len(images)} images; `labctl run --locked` uses no others")
