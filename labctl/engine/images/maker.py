"""The making of images: each from the first origin that can supply its base, two at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace

from labctl.engine.images import content, names
from labctl.engine.images.backend import ImageBackend, Unwritable
from labctl.engine.images.builder import Builder, NotRemoved
from labctl.engine.images.interruption import Interruption
from labctl.engine.images.layers import Layer
from labctl.engine.images.names import ImageTarget, parse_name
from labctl.engine.images.origins import Base, Origin, Unavailable
from labctl.engine.images.status import (
    ImageState,
    ImageStatus,
    content_of,
    libraries_content,
    packages_of,
)
from labctl.engine.runtime import doing
from labctl.errors import EngineError

_AT_ONCE = 2


@dataclass(frozen=True, kw_only=True)
class ProgressEvent:
    """What is being done about an image. `fraction` of it is done, 0 to 1; None: nobody knows."""

    image: str
    text: str
    fraction: float | None = None
    finished: bool = False


Progress = Callable[[ProgressEvent], None]


class ImageMaker:
    """Makes images on one engine."""

    def __init__(
        self, backend: ImageBackend, status: Callable[[Sequence[str]], list[ImageStatus]]
    ) -> None:
        """Take the backend, and what asks the engine for the status of images by name."""
        self._backend = backend
        self._status = status

    def make(
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
        [parent] = self._status([target.parent])
        try:
            with doing(f"making {target.name}"), builder() as making:
                return _add_libraries(target, parent, making)
        except NotRemoved:
            raise
        except EngineError:
            [now] = self._status([target.parent])
            if now.state is not ImageState.READY or now.id == parent.id:
                raise
        with doing(f"making {target.name}"), builder() as making:
            return _add_libraries(target, now, making)


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
    hashed = content_of(target, origin)
    labels = {**_labels(target, hashed), names.ORIGIN: origin.name, names.PYTHON: version}
    layer = content.layer(target, base.interpreter, labels)
    return _build(target, made, layer, base.id, builder)


def _add_libraries(target: ImageTarget, parent: ImageStatus, builder: Builder) -> ImageStatus:
    """Build the layer with the packages on a client image, give the image its name, and return its
    status.
    """
    made = replace(parent, name=target.name, size=0, packages=packages_of(target))
    labels = _labels(target, libraries_content(parent.id))
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
