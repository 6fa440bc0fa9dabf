"""Loads images from archives and folders into the store of the local engine.

They lose the labels by which labctl knows what it has built: an image that somebody made of one of
labctl's is not that one.
"""

from __future__ import annotations

import contextlib
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from labctl.engine.images.backend import ImageInUse, Unwritable
from labctl.engine.images.names import BASE, IMAGE, LOADED, parse_name
from labctl.engine.images.origins import engine_architecture
from labctl.engine.local.archive_files import ArchiveFiles, open_files
from labctl.engine.local.image_names import is_name, with_tag
from labctl.engine.local.saved_images import (
    SavedImage,
    layer_pieces,
    require_digest,
    saved_images,
)
from labctl.engine.local.store import ROOT, LocalImage, LocalStore
from labctl.engine.local.unpack import unpack_layer
from labctl.engine.runtime import Refusal
from labctl.errors import InputError, UsageError, Where

_LOADING_S = 3600
"""Longer than anybody loads an image before it has its name."""


def load_images(store: LocalStore, source: Path, *, name: str) -> set[str]:
    """Load what an archive or a folder has: one image with `name`, or all by their own names.
    Return the names in full.

    Raise InputError if something is wrong with the source, and UsageError if with the name.
    """
    if name:
        _require_free(store, [with_tag(name)])
    _require_readable(source)
    with _with_source(source), store.making() as work, open_files(source, work=work) as files:
        found = saved_images(files, architecture=engine_architecture())
        if name and len(found) > 1:
            raise UsageError(
                f"{source} has {len(found)} images, for one name",
                hint="leave out --as, or save one alone",
            )
        named = [(_names(source, image, name), image) for image in found]
        for names, _ in named:
            _require_free(store, names, where=Where(path=source))
        for names, image in named:
            _keep(store, files, image, names)
    store.remove_unfinished(LOADED, min_age_s=_LOADING_S)
    return {one for names, _ in named for one in names}


def _names(source: Path, image: SavedImage, name: str) -> list[str]:
    """Return what an image is to be called, in full. Raise UsageError if nobody says it."""
    names = [with_tag(one) for one in ([name] if name else image.names)]
    if not names:
        raise UsageError(
            f"{source} has an image without a name",
            hint=f"give it one: labctl images load {source} --as NAME",
        )
    return names


def _require_free(store: LocalStore, names: Iterable[str], *, where: Where | None = None) -> None:
    """Raise UsageError if an image can't get one of these names, which come from somewhere."""
    hint = "give it another name, such as --as own/web:1"
    for name in names:
        if not is_name(name):
            raise UsageError(f"no image can be called {name!r}", where=where, hint=hint)
        there = store.find(name)
        if _is_labctls(name) or (there is not None and LOADED not in there.labels):
            raise UsageError(f"labctl itself makes the image {name}", where=where, hint=hint)


def _is_labctls(name: str) -> bool:
    """Tell whether labctl makes an image of this name."""
    try:
        parse_name(name)
    except UsageError:
        return False
    return True


def _keep(store: LocalStore, files: ArchiveFiles, image: SavedImage, names: list[str]) -> None:
    """Unpack an image, unless it is there already, and give it its names. What has lost its last
    name by that is removed.
    """
    made = store.find(image.id) or _unpacked(store, files, image)
    for name in names:
        before = store.find(name)
        store.tag(made, name)
        if before is not None and before.id != made.id:
            _remove_unnamed(store, before.id)


def _unpacked(store: LocalStore, files: ArchiveFiles, image: SavedImage) -> LocalImage:
    """Unpack an image, and keep it."""
    with store.making() as place:
        for layer in image.layers:
            found = unpack_layer(layer_pieces(files, layer), place / ROOT)
            require_digest(f"what is in {layer.file}", found, layer.content)
        return store.keep(place, _configured(image))


def _remove_unnamed(store: LocalStore, id_: str) -> None:
    """Remove an image if it has no name, unless something uses it."""
    with contextlib.suppress(ImageInUse):
        if not any(one.names for one in store.all() if one.id == id_):
            store.remove(id_)


def _configured(image: SavedImage) -> LocalImage:
    """Return how an image's programs run, by its config."""
    settings = image.config.settings
    if settings is None:
        return LocalImage(id=image.id, labels={LOADED: "1"})
    pairs = (entry.partition("=") for entry in settings.environment or ())
    labels = {k: v for k, v in (settings.labels or {}).items() if k not in (IMAGE, BASE)}
    folder = settings.working_dir or ""
    return LocalImage(
        id=image.id,
        labels={**labels, LOADED: "1"},
        environment={key: value for key, _, value in pairs if key},
        user=settings.user or "",
        working_dir=f"/{folder.lstrip('/')}" if folder else "",
        entrypoint=settings.entrypoint or (),
        command=settings.command or (),
    )


def _require_readable(source: Path) -> None:
    """Raise InputError if there is no file or folder, or it can't be read."""
    where = Where(path=source)
    try:
        if source.is_dir():
            next(source.iterdir(), None)
        elif source.is_file():
            source.open("rb").close()
        else:
            what = "is no file and no folder" if source.exists() else "there is no such file"
            raise InputError(what, where=where, hint="name what docker save has written")
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            f"can't be read: {reason}", where=where, hint="see to it that you may read it"
        ) from error


@contextlib.contextmanager
def _with_source(source: Path) -> Iterator[None]:
    """Raise InputError with the source for what is wrong with it inside the block."""
    where = Where(path=source)
    try:
        yield
    except (Unwritable, ImageInUse):
        raise
    except Refusal as error:
        hint = error.hint or "save or copy it again"
        raise InputError(error.message, where=where, hint=hint) from error
    except tarfile.TarError as error:
        what = f"it is no whole archive: {error}"
        raise InputError(what, where=where, hint="save or copy it again") from error
