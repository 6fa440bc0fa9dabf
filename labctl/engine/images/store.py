"""labctl's images on an engine: what state they are in, and making those that are wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from enum import StrEnum

from labctl.engine.images import content, libraries, names
from labctl.engine.images.backend import ImageBackend, ImageInUse, StoredImage
from labctl.engine.images.builder import Builder, NotRemoved
from labctl.engine.images.debian import Debian
from labctl.engine.images.host import Host
from labctl.engine.images.interruption import Interruption
from labctl.engine.images.names import ImageTarget, parse_name
from labctl.engine.images.origins import Base, Origin, Unavailable
from labctl.engine.images.registry import Registry
from labctl.engine.runtime import doing
from labctl.errors import EngineError, UsageError
from labctl.model.result import ImageInfo

_AT_ONCE = 2


class ImageState(StrEnum):
    """`stale`: made by a labctl that put other things in."""

    READY = "ready"
    STALE = "stale"
    MISSING = "missing"


@dataclass(frozen=True, kw_only=True)
class ImageStatus:
    """An image as the engine has it; `size` in bytes, `packages` the third-party ones of clients
    with their versions. All but name and state empty if missing.
    """

    name: str
    state: ImageState
    origin: str = ""
    python: str = ""
    id: str = ""
    size: int = 0
    packages: Mapping[str, str] = field(default_factory=dict)

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
        chosen = (Registry(), Debian(), Host()) if origins is None else origins
        self._origins: dict[str, Origin] = {origin.name: origin for origin in chosen}

    def status(self, names: Iterable[str]) -> list[ImageStatus]:
        """Ask the engine for images by name, and return the state of each: missing, stale or ready.
        It is one request, because every `labctl run` asks.
        """
        targets = [parse_name(name) for name in names]
        parents = {target.parent: parse_name(target.parent) for target in targets if target.parent}
        asked = dict.fromkeys([*(target.name for target in targets), *parents])
        with doing("looking for images"):
            listed = self._backend.find(list(asked))
        found = {tag: image for image in listed for tag in image.names}
        judged = {name: self._judge(one, found.get(name), None) for name, one in parents.items()}
        return [
            self._judge(target, found.get(target.name), judged.get(target.parent))
            for target in targets
        ]

    def ensure(
        self,
        names: Iterable[str],
        *,
        origin: str | None = None,
        force: bool = False,
        progress: Progress = lambda _: None,
    ) -> dict[str, ImageInfo]:
        """Make the images that are missing or stale, two at a time, and return what is in each, by
        name.

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
        found: dict[str, ImageInfo] = {}
        for stage in filter(None, _stages(names)):
            states = self.status(stage)
            unready = [
                state.name
                for state in states
                if force
                or state.state is not ImageState.READY
                or (origin is not None and state.origin != origin)
            ]
            found |= {state.name: state.info for state in states}
            found |= self._make_all(unready, chosen, force=force, progress=progress)
        return {name: found[parse_name(name).name] for name in names}

    def remove(self, names: Sequence[str]) -> list[str]:
        """Remove images and their bases from the engine, and return the names of those that were
        there. Raise EngineError if one is in use.
        """
        last_first = [name for stage in reversed(_stages(names, parents=False)) for name in stage]
        removed = {name for name in last_first if self._remove(name)}
        return [name for name in names if parse_name(name).name in removed]

    def remove_unfinished(self) -> None:
        """Remove the unnamed images of builds whose labctl was killed. Not to be called while
        others are building.
        """
        with doing("removing unfinished images"):
            for label in (names.IMAGE, names.BASE):
                self._backend.remove_unfinished(label)

    def _judge(
        self, target: ImageTarget, image: StoredImage | None, parent: ImageStatus | None
    ) -> ImageStatus:
        """Return the status of an image: missing, stale or ready. One with a parent is stale if its
        parent is not ready, or has changed.
        """
        if image is None:
            return ImageStatus(name=target.name, state=ImageState.MISSING)
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
            size=image.size,
            packages=_packages(target) if current else {},
        )

    def _make_all(
        self, wanted: list[str], origins: list[Origin], *, force: bool, progress: Progress
    ) -> dict[str, ImageInfo]:
        """Make images at the same time, and return what is in them. Raise EngineError if one can't
        be made. An interruption ends them all; what could not be removed then is reported.
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
    ) -> ImageInfo:  # fmt: skip
        """Make one image from the first origin that can supply it. Raise EngineError if
        none can.
        """

        def report(text: str, fraction: float | None) -> None:
            progress(ProgressEvent(image=target.name, text=text, fraction=fraction))

        if target.parent:
            builder = Builder(self._backend, report=report, interruption=interruption, fresh=force)
            with doing(f"making {target.name}"), builder:
                info = _add_libraries(target, self.status([target.parent])[0], builder)
            progress(ProgressEvent(image=target.name, text=_summary(info), finished=True))
            return info
        refusals = []
        for origin in origins:
            builder = Builder(self._backend, report=report, interruption=interruption, fresh=force)
            try:
                with doing(f"making {target.name}"), builder:
                    base, version = _base(origin, target, builder)
                    info = _finish(target, origin, base, version, builder)
            except Unavailable as refusal:
                refusals.append(f"{origin.name}: {refusal}")
            else:
                progress(ProgressEvent(image=target.name, text=_summary(info), finished=True))
                return info
        raise EngineError(f"{target.name} cannot be made", hint="; ".join(refusals))

    def _remove(self, name: str) -> bool:
        """Remove an image, and return whether it was there. Raise EngineError if it is in use."""
        try:
            with doing(f"removing {name}"):
                return self._backend.remove(name)
        except EngineError as error:
            if isinstance(error.__cause__, ImageInUse):
                error.hint = "end the runs that use it, or remove what they left: labctl clean"
            raise


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


def _stages(wanted: Iterable[str], *, parents: bool = True) -> tuple[list[str], list[str]]:
    """Return the names of images in two stages: those without a parent, then those with one. With
    `parents`, the parents are in the first.
    """
    targets = [parse_name(name) for name in wanted]
    first = [one.parent if parents else "" for one in targets if one.parent]
    first += [one.name for one in targets if not one.parent]
    second = [one.name for one in targets if one.parent]
    return list(filter(None, dict.fromkeys(first))), list(dict.fromkeys(second))


def _base(origin: Origin, target: ImageTarget, builder: Builder) -> tuple[Base, str]:
    """Make a base, try its Python, and return both. Raise Unavailable if anything is wrong
    with it.
    """
    try:
        with doing("the engine"):
            base = origin.supply(target, builder)
            return base, builder.check_python(base.id, base.interpreter)
    except EngineError as error:
        raise Unavailable(str(error)) from error


def _finish(
    target: ImageTarget, origin: Origin, base: Base, version: str, builder: Builder
) -> ImageInfo:
    """Build labctl's own layer on the base, give the image its name, and return what is in it."""
    arguments = {
        "IMAGE": target.name,
        "CONTENT": _content(origin, target),
        "ORIGIN": origin.name,
        "PYTHON": version,
    }
    context = content.context(target, base.interpreter)
    made = builder.build(context, base=base.id, arguments=arguments)
    builder.give_name(made, target.name)
    return ImageInfo(id=made, origin=origin.name, python=version)


def _add_libraries(target: ImageTarget, parent: ImageStatus, builder: Builder) -> ImageInfo:
    """Build the layer with the packages on a client image, give the image its name, and return what
    is in it.
    """
    arguments = {"IMAGE": target.name, "CONTENT": _libraries_content(parent.id)}
    context = content.libraries_context(target, builder)
    made = builder.build(context, base=parent.id, arguments=arguments)
    builder.give_name(made, target.name)
    return ImageInfo(
        id=made, origin=parent.origin, python=parent.python, packages=_packages(target)
    )


def _summary(info: ImageInfo) -> str:
    """Return one line about an image that was made."""
    return f"ready: Python {info.python} from {info.origin}"


def _report_leftovers(futures: Mapping[Future[ImageInfo], str], progress: Progress) -> None:
    """Report what builds that were called off could not remove."""
    for future, name in futures.items():
        error = None if future.cancelled() else future.exception()
        if isinstance(error, NotRemoved):
            progress(ProgressEvent(image=name, text=str(error), finished=True))


def _raise_failures(futures: Mapping[Future[ImageInfo], str]) -> None:
    """Raise the error of a build, or one error that names all, if any failed."""
    errors = [error for future in futures if (error := future.exception()) is not None]
    for error in errors:
        if not isinstance(error, EngineError) or len(errors) == 1:
            raise error
    if errors:
        raise EngineError(
            f"{len(errors)} images cannot be made",
            hint="\n".join(f"{error}: {getattr(error, 'hint', '')}" for error in errors),
        )
