"""`labctl images`: list, build and remove the images that labs are made of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from labctl.cli import options
from labctl.cli.verbs import verb_app
from labctl.errors import UsageError

if TYPE_CHECKING:
    from labctl.engine.images import ImageStatus

app = verb_app(help="List, build and remove the images that labs are made of.")

_COLUMNS = ("IMAGE", "STATE", "PYTHON", "FROM", "SIZE", "ID")
_MB = 1_000_000
_ID_DIGITS = 12

Which = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SERIES|lab", help="A Python such as 3.13, one with libraries: 3.13-libs, or lab."
    ),
]
All = Annotated[bool, typer.Option("--all", help="Every image.")]
Unused = Annotated[
    bool,
    typer.Option(
        "--unused", help="Those of other versions of labctl, unless a container is made of them."
    ),
]


class From(StrEnum):
    """Where a base comes from."""

    REGISTRY = "registry"
    DEBIAN = "debian"
    HOST = "host"
    REGISTRY_WITHOUT_NFT = "registry-without-nft"


@app.callback(invoke_without_command=True)
def list_(context: typer.Context, as_json: options.Json = False) -> None:
    """List, build and remove the images that labs are made of; without a command: list them.

    Every engine has images of its own. Without --engine, those of all engines are listed and
    removed, and built on the one that labs run on.

    A stale image is one of another version of labctl, which put other things in. It stays beside
    the one that this version builds when it is needed; `remove --unused` removes it.
    """
    if context.invoked_subcommand is not None:
        return
    found = _on_engines()
    if as_json:
        records = [_record(name, image) for name, images in found.items() for image in images]
        typer.echo(json.dumps(records, indent=2))
    else:
        typer.echo(table_by_engine(found))


@app.command()
def build(
    which: Which = None,
    every: All = False,
    origin: Annotated[
        From | None,
        typer.Option(
            "--from", help="Where the base comes from. Default: the first that is available."
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Build again, base included, even if the image is there."),
    ] = False,
) -> None:
    """Build images. `labctl run` builds by itself those that it needs."""
    from labctl.engine.access import open_engine
    from labctl.run.output import Output
    from labctl.run.signals import terminable

    names = _names(which, every=every)
    with terminable():
        store = open_engine().images()
        with Output().progress("images") as progress:
            store.ensure(names, origin=origin, force=force, progress=progress.image)
        typer.echo(table(store.status(names)))


@app.command()
def remove(which: Which = None, every: All = False, unused: Unused = False) -> None:
    """Remove images, and what they were made from, whatever version of labctl made them.

    --all also removes unfinished ones, and --unused those of them that are older than an hour.
    """
    from labctl.engine.access import open_engines

    if unused and (which or every):
        raise UsageError(
            "--unused says by itself which images are removed", hint="leave out the others"
        )
    names = [] if unused else _names(which, every=every)
    engines = open_engines()
    count = 0
    for engine in engines:
        store = engine.images()
        where = f" from the {engine.name} engine" if engines[1:] else ""
        removed = store.remove_unused() if unused else store.remove(names)
        if every:
            store.remove_unfinished()
        for name in removed:
            typer.echo(f"removed {name}{where}")
        count += len(removed)
    if not count:
        typer.echo("there was nothing to remove")


def _on_engines() -> dict[str, list[ImageStatus]]:
    """Ask the engines for their images, and return them by the name of the engine. Where there are
    several, those that have none of ours are left out; if none has any, all but the first.
    """
    from labctl.engine.access import open_engines
    from labctl.engine.images import ImageState

    found = {engine.name: engine.images().status(_every()) for engine in open_engines()}
    used = {
        name: images
        for name, images in found.items()
        if any(image.state is not ImageState.MISSING for image in images)
    }
    return used or dict(list(found.items())[:1])


def table_by_engine(images: Mapping[str, list[ImageStatus]]) -> str:
    """Return a text with the images of each engine in columns; the engine is one of them if there
    are several.
    """
    if len(images) == 1:
        return table(*images.values())
    rows = [(name, *_row(image)) for name, found in images.items() for image in found]
    return _columns([("ENGINE", *_COLUMNS), *rows])


def table(images: list[ImageStatus]) -> str:
    """Return a text with the images in columns, one on each line."""
    return _columns([_COLUMNS, *map(_row, images)])


def _columns(rows: Sequence[Sequence[str]]) -> str:
    """Return a text with rows of cells, each on a line, in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _row(image: ImageStatus) -> tuple[str, ...]:
    """Return the cells of an image's row in the table."""
    size = f"{image.size / _MB:.0f} MB" if image.id else ""
    short = image.id.removeprefix("sha256:")[:_ID_DIGITS]
    cells = (image.name, image.state.value, image.python, image.origin, size, short)
    return tuple(cell or "-" for cell in cells)


def _record(engine: str, image: ImageStatus) -> dict[str, str | int]:
    """Return an image on an engine as a JSON object."""
    return {
        "engine": engine,
        "name": image.name,
        "state": image.state.value,
        "python": image.python,
        "origin": image.origin,
        "size": image.size,
        "id": image.id,
        "reference": image.reference,
    }


def _every() -> list[str]:
    """Return the names of all images."""
    return list(_by_word().values())


def _names(which: list[str] | None, *, every: bool) -> list[str]:
    """Return the names of the images that the command line asks for. Raise UsageError for an
    unknown word, or if there is none.
    """
    if every:
        return _every()
    known = _by_word()
    if not which:
        raise UsageError("which images?", hint=f"name some of {', '.join(known)}; or --all")
    for word in which:
        if word not in known:
            raise UsageError(
                f"there is no image for {word!r}", hint=f"there are {', '.join(known)}"
            )
    return [known[word] for word in which]


def _by_word() -> dict[str, str]:
    """Return the names of all images, by the word for each on the command line, such as
    `3.13-libs`.
    """
    from labctl.engine.images import every_name, parse_name

    return {parse_name(name).word: name for name in every_name()}
