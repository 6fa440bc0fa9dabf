"""The interpreters and images that attempts need. Builds images where they are missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from labctl import __version__
from labctl.engine.access import EngineAccess
from labctl.engine.images.names import LAB, client_image, libraries_image
from labctl.engine.images.status import ImageState, ImageStatus
from labctl.errors import EngineError
from labctl.load.lock import check_engine, check_lock
from labctl.model.lock import Lock
from labctl.model.plan import Interpreter
from labctl.model.result import ImageInfo
from labctl.model.scenario import Attempt
from labctl.run.attempts import Client
from labctl.run.output import Output

_OTHERS = "to do without a Python that can't be had, name the others with --python"


@dataclass(frozen=True, kw_only=True)
class Pythons:
    """The interpreters of some series, without libraries and, if they are needed, with them."""

    plain: list[Interpreter]
    equipped: list[Interpreter]
    images: dict[str, ImageInfo]


def find_pythons(
    access: EngineAccess, series: Sequence[str], output: Output, *, with_libraries: bool,
    lock: Lock | None = None,
) -> Pythons:  # fmt: skip
    """Return the interpreters of these series. Images that are missing are built on the engine.

    With a `lock`, raise EngineError if it is for another engine, or the images are not those that
    it names. Raise EngineError if an image can't be built.
    """
    equipped = series if with_libraries else ()
    names = image_names(series, with_libraries=with_libraries)
    store = access.images()
    if lock:
        check_engine(lock, access.name)
        ready = {one.name: one.info for one in store.status(names) if one.state is ImageState.READY}
        check_lock(lock, ready, names, __version__)
    try:
        with output.progress("images") as progress:
            images = store.ensure(names, progress=progress.image)
    except EngineError as error:
        if len(series) == 1:
            raise
        hint = f"{error.hint}\n{_OTHERS}" if error.hint else _OTHERS
        raise EngineError(error.message, where=error.where, hint=hint) from error
    return Pythons(
        plain=[_interpreter(one, client_image(one), images) for one in series],
        equipped=[_interpreter(one, libraries_image(one), images) for one in equipped],
        images={name: image.info for name, image in images.items()},
    )


def image_names(series: Iterable[str], *, with_libraries: bool) -> list[str]:
    """Return the names of the images that runs on these series need."""
    series = tuple(series)
    libraries = map(libraries_image, series if with_libraries else ())
    return [LAB, *map(client_image, series), *libraries]


def need_libraries(attempts: Iterable[Attempt], client: Client | None = None) -> bool:
    """Return whether one of these attempts, or the client, requires a library."""
    return any(attempt.requires for attempt in attempts) or bool(client and client.requires)


def _interpreter(series: str, image: str, images: Mapping[str, ImageStatus]) -> Interpreter:
    """Return the interpreter in an image."""
    return images[image].interpreter(series)
