"""labctl's images on an engine: what state they are in, and making those that are wanted."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from enum import StrEnum

from labctl.engine.images import content, libraries, names
from labctl.engine.images.backend import ImageBackend, ImageInUse, StoredImage, Unwritable
from labctl.engine.images.builder import Builder, NotRemoved
from labctl.engine.images.debian import Debian
from labctl.engine.images.host import Host
from labctl.engine.images.interruption import Interruption
from labctl.engine.images.layers import Layer
from labctl.engine.images.names import IMAGE, ImageTarget, parse_name
from labctl.engine.images.origins import Base, Origin, Unavailable
from labctl.engine.images.registry import (
    Registry,
    RegistryWithoutNft,
    mirror_of_environment,
)
from labctl.engine.runtime import doing
from labctl.errors import EngineError, UsageError
from labctl.model.plan import Interpreter
from labctl.model.result import ImageInfo

_AT_ONCE = 2
_BUILDING_S = 3600
"""Longer than anybody builds on a base that has no name."""


class ImageState(StrEnum):
    """`stale`: there is only one of another version of labctl, with another content."""

    READY = "ready"
    STALE = "stale"
    MISSING = "missing"


@dataclass(frozen=True, kw_only=True)
class ImageStatus:
    """An image as the engine has it; `size` in bytes, `packages` the third-party ones of clients
    with their versions. `reference` is what the engine calls it. All but name and state empty if
    missing.
    """

    name: str
    state: ImageState
    origin: str = ""
    python: str = ""
    id: str = ""
    reference: str = ""
    size: int = 0
    packages: Mapping[str, str] = field(default_factory=dict)

    def interpreter(self, series: str) -> Interpreter:
        """Return the Python that clients have in this image."""
        return Interpreter(
            series=series, version=self.python, image=self.reference, packages=self.packages
        )

    @property
    def info(self) -> ImageInfo:
        """The image as a result document has it."""
        return ImageInfo(
            id=self.id, origin=self.origin, python=self.python, packages=dict(self.packages)
        )


@dataclass(frozen=True, kw_only=True)
class ProgressEvent:
    """What is being done about an image. `fraction` of it is done, 0 to 1; None: nobody knows."""

    image: str
    text: str
    fraction: float | None = None
    finished: bool = False


Progress = Callable[[ProgressEvent], None]


class ImageStore:
    """The images of one engine."""

    def __init__(self, backend: ImageBackend, origins: Iterable[Origin] | None = None) -> None:
        """Take the backend, and the origins of bases in the order in which they are tried."""
        self._backend = backend
        chosen = _all_origins() if origins is None else origins
        self._origins: dict[str, Origin] = {origin.name: origin for origin in chosen}

    def status(self, names: Iterable[str]) -> list[ImageStatus]:
        """Ask the engine for images by name, and return the state of each: missing, stale or ready.
        It is one request, because every `labctl run` asks.
        """
        with doing("looking for images"):
            listed = self._backend.find_labelled(IMAGE)
        return [self._status(parse_name(name), listed) for name in names]

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
            found |= self._make_all(unready, chosen, force=force, progress=progress)
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
            for name in _names_of(target, listed)
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
        states = (self._status(target, listed) for target in targets)
        used = {state.id for state in states if state.state is ImageState.READY}
        unused = [image for image in listed if image.id not in used]
        removed = []
        for target in targets:
            for name in _names_of(target, unused):
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

    def _status(self, target: ImageTarget, listed: Sequence[StoredImage]) -> ImageStatus:
        """Return the status of an image: the newest of those that are ready, or else of the stale
        ones.
        """
        parent = self._status(parse_name(target.parent), listed) if target.parent else None
        found = [
            self._judge(target, image, parent)
            for image in sorted(listed, key=lambda image: image.created, reverse=True)
            if _names_of(target, [image])
        ]
        missing = ImageStatus(name=target.name, state=ImageState.MISSING)
        ready = (one for one in found if one.state is ImageState.READY)
        return next(ready, found[0] if found else missing)

    def _judge(
        self, target: ImageTarget, image: StoredImage, parent: ImageStatus | None
    ) -> ImageStatus:
        """Return the status of an image: stale or ready. One with a parent is stale if its parent
        is not ready, or has changed.
        """
        labels = image.labels
        origin = self._origins.get(labels.get(names.ORIGIN, ""))
        if parent is not None:
            sound, expected = parent.state is ImageState.READY, _libraries_content(parent.id)
        else:
            sound, expected = origin is not None, _content(origin, target) if origin else ""
        current = sound and labels.get(names.CONTENT) == expected
        return ImageStatus(
            name=target.name,
            state=ImageState.READY if current else ImageState.STALE,
            origin=labels.get(names.ORIGIN, ""),
            python=labels.get(names.PYTHON, ""),
            id=image.id,
            reference=_names_of(target, [image])[0],
            size=image.size,
            packages=_packages(target) if current else {},
        )

    def _make_all(
        self, wanted: list[str], origins: list[Origin], *, force: bool, progress: Progress
    ) -> dict[str, ImageStatus]:
        """Make images at the same time, and return their status. Raise EngineError if one can't be
        made. An interruption ends them all; what could not be removed then is reported.
        """
        interruption = Interruption()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            futures = {
                pool.submit(
                    self._make, parse_name(name), origins,
                    force=force, progress=progress, interruption=interruption,
                ): name
                for name in wanted
            }  # fmt: skip
            try:
                for _ in as_completed(futures):
                    pass
            except BaseException:
                interruption.set()
                pool.shutdown(cancel_futures=True)
                _report_leftovers(futures, progress)
                raise
        _raise_failures(futures)
        return {name: future.result() for future, name in futures.items()}

    def _make(
        self, target: ImageTarget, origins: list[Origin], *,
        force: bool, progress: Progress, interruption: Interruption,
    ) -> ImageStatus:  # fmt: skip
        """Make one image from the first origin that can supply it, and return its status. Raise
        EngineError if none can.
        """

        def report(text: str, fraction: float | None) -> None:
            progress(ProgressEvent(image=target.name, text=text, fraction=fraction))

        def builder() -> Builder:
            return Builder(self._backend, report=report, interruption=interruption, fresh=force)

        if target.parent:
            made = self._equip(target, builder)
            progress(ProgressEvent(image=target.name, text=_summary(made), finished=True))
            return made
        refusals = []
        for origin in origins:
            try:
                with doing(f"making {target.name}"), builder() as making:
                    base, version = _base(origin, target, making)
                    made = _finish(target, origin, base, version, making)
            except Unavailable as refusal:
                refusals.append(f"{origin.name}: {refusal}")
            else:
                progress(ProgressEvent(image=target.name, text=_summary(made), finished=True))
                return made
        raise EngineError(f"{target.name} cannot be made", hint="; ".join(refusals))

    def _equip(self, target: ImageTarget, builder: Callable[[], Builder]) -> ImageStatus:
        """Make an image with libraries of its parent, and return its status. If that fails because
        another labctl has put a new parent in its place, make it of that one.
        """
        [parent] = self.status([target.parent])
        try:
            with doing(f"making {target.name}"), builder() as making:
                return _add_libraries(target, parent, making)
        except NotRemoved:
            raise
        except EngineError:
            [now] = self.status([target.parent])
            if now.state is not ImageState.READY or now.id == parent.id:
                raise
        with doing(f"making {target.name}"), builder() as making:
            return _add_libraries(target, now, making)

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


def _content(origin: Origin, target: ImageTarget) -> str:
    """Return the digest of what an image is made from."""
    return content.digest(
        {"layer": content.fingerprint(target.kind).encode(), "base": origin.recipe(target).encode()}
    )


def _libraries_content(parent: str) -> str:
    """Return the digest of what an image with libraries is made from."""
    return content.digest({"layer": content.fingerprint("libs").encode(), "base": parent.encode()})


def _packages(target: ImageTarget) -> dict[str, str]:
    """Return the pinned versions of a target's libraries; none for other images."""
    return libraries.pinned(target.series) if target.kind == "libs" else {}


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


def _names_of(target: ImageTarget, listed: Iterable[StoredImage]) -> list[str]:
    """Return what the engine calls the images of a target, of all that labctl has made."""
    return [
        name
        for image in listed
        if image.labels.get(IMAGE) == target.name
        for name in image.names
        if target.is_called(name)
    ]


def _base(origin: Origin, target: ImageTarget, builder: Builder) -> tuple[Base, str]:
    """Make a base, try its Python, and return both. Raise Unavailable if anything is wrong with it,
    or EngineError if the engine can't store it: then no other origin would help.
    """
    try:
        with doing("the engine"):
            base = origin.supply(target, builder)
            return base, builder.check_python(base.id, base.interpreter)
    except EngineError as error:
        if isinstance(error.__cause__, Unwritable):
            raise
        raise Unavailable(str(error)) from error


def _finish(
    target: ImageTarget, origin: Origin, base: Base, version: str, builder: Builder
) -> ImageStatus:
    """Build labctl's own layer on the base, give the image its name, and return its status."""
    made = ImageStatus(name=target.name, state=ImageState.READY, origin=origin.name, python=version)
    hashed = _content(origin, target)
    labels = {**_labels(target, hashed), names.ORIGIN: origin.name, names.PYTHON: version}
    layer = content.layer(target, base.interpreter, labels)
    return _build(target, made, layer, base.id, builder)


def _add_libraries(target: ImageTarget, parent: ImageStatus, builder: Builder) -> ImageStatus:
    """Build the layer with the packages on a client image, give the image its name, and return its
    status.
    """
    made = replace(parent, name=target.name, size=0, packages=_packages(target))
    labels = _labels(target, _libraries_content(parent.id))
    layer = content.libraries_layer(target, builder, labels)
    return _build(target, made, layer, parent.id, builder)


def _labels(target: ImageTarget, hashed: str) -> dict[str, str]:
    """Return the labels by which the image of a target with this content is found again."""
    return {names.IMAGE: target.name, names.CONTENT: hashed}


def _build(
    target: ImageTarget, made: ImageStatus, layer: Layer, base: str, builder: Builder
) -> ImageStatus:
    """Build a layer on a base, and give the image a name with the hash of its content. Return the
    status `made` with the image's id and name; those of another labctl's if that was faster.
    """
    hashed = layer.labels[names.CONTENT]
    image = builder.build(layer, base=base)
    reference = target.tagged(hashed)
    faster = builder.give_name(image, reference, hashed)
    if faster is not None:
        made = replace(made, python=faster.labels.get(names.PYTHON, ""))
    return replace(made, id=faster.id if faster else image, reference=reference)


def _summary(made: ImageStatus) -> str:
    """Return one line about an image that was made."""
    return f"ready: Python {made.python} from {made.origin}"


def _report_leftovers(futures: Mapping[Future[ImageStatus], str], progress: Progress) -> None:
    """Report what builds that were called off could not remove."""
    for future, name in futures.items():
        error = None if future.cancelled() else future.exception()
        if isinstance(error, NotRemoved):
            progress(ProgressEvent(image=name, text=str(error), finished=True))


def _raise_failures(futures: Mapping[Future[ImageStatus], str]) -> None:
    """Raise the error of a build, or one error that names all, if any failed. Errors that say the
    same count as one.
    """
    errors = [error for future in futures if (error := future.exception()) is not None]
    said = {(str(error), getattr(error, "hint", "")) for error in errors}
    for error in errors:
        if not isinstance(error, EngineError) or len(said) == 1:
            raise error
    if errors:
        raise EngineError(
            f"{len(errors)} images cannot be made",
            hint="\n".join(f"{error}: {getattr(error, 'hint', '')}" for error in errors),
        )
