"""`labctl images`: list, build, load and remove the images that labs are made of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labctl.cli import options
from labctl.cli.image_table import record, table, table_by_engine
from labctl.cli.verbs import verb_app
from labctl.errors import UsageError

if TYPE_CHECKING:
    from labctl.engine.access import EngineAccess
    from labctl.engine.images.status import ImageStatus

app = verb_app(help="List, build, load and remove the images that labs are made of.")


def complete_word(incomplete: str) -> list[str]:
    """Return the words for labctl's images for shell completion."""
    return [word for word in _by_word() if word.startswith(incomplete)]


def complete_image(incomplete: str) -> list[str]:
    """Return the words for labctl's images, and the names of those that were loaded, for shell
    completion; the words alone where no engine answers.
    """
    from labctl.engine.access import open_engines
    from labctl.errors import EngineError

    try:
        names = [image.name for engine in open_engines() for image in _loaded(engine)]
    except (EngineError, UsageError):
        names = []
    return complete_word(incomplete) + [name for name in names if name.startswith(incomplete)]


_WORDS = "A Python such as 3.13, one with libraries: 3.13-libs, or lab."

Which = Annotated[
    list[str] | None,
    typer.Argument(metavar="SERIES|lab", help=_WORDS, autocompletion=complete_word),
]
WhichOfAll = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SERIES|lab|NAME",
        help=f"{_WORDS} Or the name of an image that you loaded.",
        autocompletion=complete_image,
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
    """List, build, load and remove the images that labs are made of; without a command: list them.

    Every engine has images of its own. Without --engine, those of all engines are listed and
    removed, and built on the one that labs run on.

    A stale image is one of another version of labctl, which put other things in. It stays beside
    the one that this version builds when it is needed; `remove --unused` removes it.
    """
    if context.invoked_subcommand is not None:
        return
    found = _on_engines()
    if as_json:
        records = [record(name, image) for name, images in found.items() for image in images]
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
def load(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FILE|DIR",
            help="What docker save, podman save or skopeo copy has written.",
        ),
    ],
    name: Annotated[
        str,
        typer.Option(
            "--as", metavar="NAME", help="What it is to be called. Default: what it says itself."
        ),
    ] = "",
) -> None:
    """Load images of your own into the local engine, for Compose files to name.

    The local engine asks no registry. FILE is an archive of docker save or podman save, also
    compressed with gzip; DIR is an OCI layout. An image for several kinds of machines is loaded for
    this one.
    """
    from labctl.engine.access import open_engine
    from labctl.run.signals import terminable

    with terminable():
        engine = open_engine()
        if engine.own_images is None:
            raise UsageError(
                f"labs run on the {engine.name} engine, which loads images itself",
                hint=f"docker load -i {source}; or load it for the other: --engine local",
            )
        for image in engine.own_images.load(source, name=name):
            typer.echo(f"loaded {image.name}")


@app.command()
def remove(which: WhichOfAll = None, every: All = False, unused: Unused = False) -> None:
    """Remove images, and what they were made from, whatever version of labctl made them; or images
    that you loaded, by their names.

    --all also removes unfinished ones, and --unused those of them that are older than an hour.
    Neither removes what you loaded.
    """
    from labctl.engine.access import open_engines

    if unused and (which or every):
        raise UsageError(
            "--unused says by itself which images are removed", hint="leave out the others"
        )
    known = _by_word()
    own = [word for word in which or () if word not in known]
    words = [word for word in which or () if word in known]
    names = [] if unused or (own and not words and not every) else _names(words, every=every)
    engines = open_engines()
    _require_loaded(own, engines)
    count = 0
    for engine in engines:
        store = engine.images()
        where = f" from the {engine.name} engine" if engines[1:] else ""
        removed = store.remove_unused() if unused else store.remove(names)
        removed += _remove_loaded(own, engine)
        if every:
            store.remove_unfinished()
        for name in removed:
            typer.echo(f"removed {name}{where}")
        count += len(removed)
    if not count:
        typer.echo("there was nothing to remove")


def _loaded(engine: EngineAccess) -> list[ImageStatus]:
    """Return the images of an engine that were loaded from files."""
    return [] if engine.own_images is None else engine.own_images.all()


def _require_loaded(names: Sequence[str], engines: Sequence[EngineAccess]) -> None:
    """Raise UsageError if no engine has an image that was loaded by one of these names."""
    for name in names:
        if not any(engine.own_images and engine.own_images.find(name) for engine in engines):
            known = [*_by_word(), *(one.name for engine in engines for one in _loaded(engine))]
            raise UsageError(
                f"there is no image for {name!r}", hint=f"there are {', '.join(known)}"
            )


def _remove_loaded(names: Sequence[str], engine: EngineAccess) -> list[str]:
    """Remove images of an engine that were loaded by these names, and return their full names."""
    from labctl.engine.runtime import doing

    removed = []
    for name in names:
        full = engine.own_images and engine.own_images.find(name)
        with doing(f"removing {name}"):
            if engine.own_images and full and engine.own_images.remove(full):
                removed.append(full)
    return removed


def _on_engines() -> dict[str, list[ImageStatus]]:
    """Ask the engines for their images, and return them by the name of the engine. Where there are
    several, those that have none of ours are left out; if none has any, all but the first.
    """
    from labctl.engine.access import open_engines
    from labctl.engine.images.status import ImageState

    found = {
        engine.name: engine.images().status(_every()) + _loaded(engine) for engine in open_engines()
    }
    used = {
        name: images
        for name, images in found.items()
        if any(image.state is not ImageState.MISSING for image in images)
    }
    return used or dict(list(found.items())[:1])


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
    from labctl.engine.images.names import every_name, parse_name

    return {parse_name(name).word: name for name in every_name()}
