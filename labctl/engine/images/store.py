"""labctl's images on an engine: what state they are in, and making those that are wanted."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence

from labctl.engine.images import names
from labctl.engine.images.backend import ImageBackend, ImageInUse
from labctl.engine.images.debian import Debian
from labctl.engine.images.host import Host
from labctl.engine.images.maker import ImageMaker, Progress
from labctl.engine.images.names import IMAGE, ImageTarget, parse_name
from labctl.engine.images.origins import Origin
from labctl.engine.images.registry import (
    Registry,
    RegistryWithoutNft,
    mirror_of_environment,
)
from labctl.engine.images.status import ImageState, ImageStatus, names_of, status_of
from labctl.engine.runtime import doing
from labctl.errors import EngineError, UsageError

_BUILDING_S = 3600
"""Longer than anybody builds on a base that has no name."""


class ImageStore:
    """The images of one engine."""

    def __init__(self, backend: ImageBackend, origins: Iterable[Origin] | None = None) -> None:
        """Take the backend, and the origins of bases in the order in which they are tried."""
        self._backend = backend
        chosen = _all_origins() if origins is None else origins
        self._origins: dict[str, Origin] = {origin.name: origin for origin in chosen}
        self._maker = ImageMaker(backend, self.status)

    def status(self, names: Iterable[str]) -> list[ImageStatus]:
        """Ask the engine for images by name, and return the state of each: missing, stale or ready.
        It is one request, because every `labctl run` asks.
        """
        with doing("looking for images"):
            listed = self._backend.find_labelled(IMAGE)
        return [status_of(parse_name(name), listed, self._origins) for name in names]

    def find(self, name: str) -> str | None:
        """Ask the engine what it calls the image of labctl's that has this name in Compose files.
        Return None for any other name. Raise EngineError if it is not built.
        """
        try:
            target = parse_name(name)
        except UsageError:
            return None
        [found] = self.status([target.name])
        if found.state is ImageState.READY:
            return found.reference
        raise EngineError(
            f"the image {target.name} is {found.state}",
            hint=f"build it: labctl images build {target.word}",
        )

    def ensure(
        self,
        names: Iterable[str],
        *,
        origin: str | None = None,
        force: bool = False,
        progress: Progress = lambda _: None,
    ) -> dict[str, ImageStatus]:
        """Make the images that are missing or stale, two at a time, and return the status of each,
        by name.

        With `origin`, images from elsewhere are made again from there; with `force`, all are.
        `progress` is called from several threads. Raise EngineError for those that can't be made,
        after the others are.
        """
        if origin is not None and origin not in self._origins:
            raise UsageError(
                f"images do not come from {origin!r}", hint=f"choose of {', '.join(self._origins)}"
            )
        names = list(dict.fromkeys(names))
        chosen = [self._origins[origin]] if origin else list(self._origins.values())
        found: dict[str, ImageStatus] = {}
        for stage in filter(None, _stages(names)):
            states = self.status(stage)
            unready = [
                state.name
                for state in states
                if force
                or state.state is not ImageState.READY
                or (origin is not None and state.origin != origin)
            ]
            found |= {state.name: state for state in states}
            if unready:
                with doing("making images"):
                    self._backend.check_ready()
                found |= self._maker.make(unready, chosen, force=force, progress=progress)
        return {name: found[parse_name(name).name] for name in names}

    def remove(self, names: Sequence[str]) -> list[str]:
        """Remove images and their bases from the engine, whatever version of labctl made them.
        Return the engine's names of those that were there. Raise EngineError if one is in use.
        """
        with doing("looking for images"):
            listed = self._backend.find_labelled(IMAGE)
        return [
            name
            for target in _last_first(parse_name(name) for name in names)
            for name in names_of(target, listed)
            if self._remove(name)
        ]

    def remove_unused(self) -> list[str]:
        """Remove the images, and their bases, that this version of labctl does not use, and that no
        container is made of. Return what the engine called them.

        What unfinished builds have left is removed, too, once it is so old that no labctl can be
        working on it.
        """
        with doing("looking for images"):
            listed = self._backend.find_labelled(IMAGE)
        targets = _last_first(map(parse_name, names.every_name()))
        states = (status_of(target, listed, self._origins) for target in targets)
        used = {state.id for state in states if state.state is ImageState.READY}
        unused = [image for image in listed if image.id not in used]
        removed = []
        for target in targets:
            for name in names_of(target, unused):
                with doing(f"removing {name}"), contextlib.suppress(ImageInUse):
                    if self._backend.remove(name):
                        removed.append(name)
        self.remove_unfinished(min_age_s=_BUILDING_S)
        return removed

    def remove_unfinished(self, *, min_age_s: int = 0) -> None:
        """Remove the unnamed images of builds whose labctl was killed, unless they are younger than
        `min_age_s`. Without an age, not to be called while others are building.
        """
        with doing("removing unfinished images"):
            for label in (IMAGE, names.BASE):
                self._backend.remove_unfinished(label, min_age_s=min_age_s)

    def _remove(self, name: str) -> bool:
        """Remove an image, and return whether it was there. Raise EngineError if it is in use."""
        try:
            with doing(f"removing {name}"):
                return self._backend.remove(name)
        except EngineError as error:
            if isinstance(error.__cause__, ImageInUse):
                error.hint = "end the runs that use it, or remove what they left: labctl clean"
            raise


def _all_origins() -> tuple[Origin, ...]:
    """Return all origins of bases, in the order in which they are tried."""
    registry = Registry(mirror_of_environment())
    return registry, Debian(), Host(), RegistryWithoutNft(registry)


def _stages(wanted: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the names of images in two stages: those without a parent, parents included, then
    those with one.
    """
    targets = [parse_name(name) for name in wanted]
    first = [one.parent or one.name for one in targets]
    second = [one.name for one in targets if one.parent]
    return list(dict.fromkeys(first)), list(dict.fromkeys(second))


def _last_first(targets: Iterable[ImageTarget]) -> list[ImageTarget]:
    """Return the targets in the order in which they can be removed: those with a parent first."""
    return sorted(dict.fromkeys(targets), key=lambda target: not target.parent)
