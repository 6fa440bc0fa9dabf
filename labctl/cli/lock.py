"""`labctl lock`: write down what runs may use from now on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labctl.cli import options
from labctl.pythons import parse_series


def lock(
    python: options.Pythons = "all",
    file: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write it.")] = Path(
        options.LOCK_FILE
    ),
) -> None:
    """Write labctl.lock: the images that runs use now, by digest, and what is in them.

    `labctl run --locked` then refuses any other. Images that are missing are built first.
    """
    from labctl import __version__  # noqa: PLC0415
    from labctl.engine.access import open_engine  # noqa: PLC0415
    from labctl.errors import UsageError  # noqa: PLC0415
    from labctl.load.lock import lock_of, lock_text  # noqa: PLC0415
    from labctl.run.output import Output  # noqa: PLC0415
    from labctl.run.pythons import image_names  # noqa: PLC0415
    from labctl.run.signals import terminable  # noqa: PLC0415

    series = parse_series(python)
    output = Output()
    with terminable(), output.progress("images") as progress:
        names = image_names(series, with_libraries=True)
        images = open_engine().images().ensure(names, progress=progress.image)
    try:
        file.write_text(lock_text(lock_of(images, __version__)), "utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot write {file}: {error.strerror}", hint="give --out another file"
        ) from error
    typer.echo(f"{file} has {len(images)} images; `labctl run --locked` uses no others")
