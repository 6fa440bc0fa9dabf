"""What state labctl's images on an engine are in: missing, stale or ready."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from labctl.engine.images import content, libraries, names
from labctl.engine.images.backend import StoredImage
from labctl.engine.images.names import IMAGE, ImageTarget, parse_name
from labctl.engine.images.origins import Origin
from labctl.model.plan import Interpreter
from labctl.model.result import ImageInfo


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


Origins = Mapping[str, Origin]
"""The origins of bases, by their names, in the order in which they are tried."""


def status_of(target: ImageTarget, listed: Sequence[StoredImage], origins: Origins) -> ImageStatus:
    """Return the status of an image: the newest of those that are ready, or else of the stale ones,
    of all that are listed.
    """
    parent = status_of(parse_name(target.parent), listed, origins) if target.parent else None
    found = [
        _judge(target, image, parent, origins)
        for image in sorted(listed, key=lambda image: image.created, reverse=True)
        if names_of(target, [image])
    ]
    missing = ImageStatus(name=target.name, state=ImageState.MISSING)
    ready = (one for one in found if one.state is ImageState.READY)
    return next(ready, found[0] if found else missing)


def _judge(
    target: ImageTarget, image: StoredImage, parent: ImageStatus | None, origins: Origins
) -> ImageStatus:
    """Return the status of an image: stale or ready. One with a parent is stale if its parent is
    not ready, or has changed.
    """
    labels = image.labels
    origin = origins.get(labels.get(names.ORIGIN, ""))
    if parent is not None:
        sound, expected = parent.state is ImageState.READY, libraries_content(parent.id)
    else:
        sound, expected = origin is not None, content_of(target, origin) if origin else ""
    current = sound and labels.get(names.CONTENT) == expected
    return ImageStatus(
        name=target.name,
        state=ImageState.READY if current else ImageState.STALE,
        origin=labels.get(names.ORIGIN, ""),
        python=labels.get(names.PYTHON, ""),
        id=image.id,
        reference=names_of(target, [image])[0],
        size=image.size,
        packages=packages_of(target) if current else {},
    )


def content_of(target: ImageTarget, origin: Origin) -> str:
    """Return the digest of what an image is made from."""
    return content.digest(
        {"layer": content.fingerprint(target.kind).encode(), "base": origin.recipe(target).encode()}
    )


def libraries_content(parent: str) -> str:
    """Return the digest of what an image with libraries is made from."""
    return content.digest({"layer": content.fingerprint("libs").encode(), "base": parent.encode()})


def packages_of(target: ImageTarget) -> dict[str, str]:
    """Return the pinned versions of a target's libraries; none for other images."""
    return libraries.pinned(target.series) if target.kind == "libs" else {}


def names_of(target: ImageTarget, listed: Iterable[StoredImage]) -> list[str]:
    """Return what the engine calls the images of a target, of all that labctl has made."""
    return [
        name
        for image in listed
        if image.labels.get(IMAGE) == target.name
        for name in image.names
        if target.is_called(name)
    ]
