"""The names and labels of labctl's images."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from labctl.errors import UsageError
from labctl.pythons import SERIES

LAB = "labctl/lab:latest"
_TAG_DIGITS = 12
"""How much of the hash of its content an image has in its tag."""
_HASH = re.compile(rf"[0-9a-f]{{{_TAG_DIGITS}}}")
LAB_SERIES = "3.13"
"""The Python that services and taps run on."""

ImageKind = Literal["client", "lab", "libs"]
"""`libs` is a client image with third-party libraries."""

# Labels of images. Bases have BASE alone.
ORIGIN = "labctl.origin"
WITHOUT_NFT = "registry-without-nft"
"""The origin of an image of the lab that lacks nft."""
PYTHON = "labctl.python"
CONTENT = "labctl.content"
"""A hash over all that goes into an image: another one means that the image is stale."""
IMAGE = "labctl.image"
"""The name that it was made for."""
BASE = "labctl.base"
"""A hash of how a base was made, to find it again."""
LOADED = "labctl.loaded"
"""Images that a user loaded from a file have it."""
EVENTS = "labctl.events"
"""Images whose programs write events and have a lifeline have it: labctl's own."""

_NAME = re.compile(
    r"(?P<repository>[a-z0-9-]+)/(?:client:(?P<series>\d+\.\d+)(?P<libs>-libs)?|lab(?::latest)?)"
)


@dataclass(frozen=True, kw_only=True)
class ImageTarget:
    """An image that can be made. One of the kind `libs` is made of the client image `parent`."""

    name: str
    kind: ImageKind
    series: str
    parent: str = ""

    @property
    def word(self) -> str:
        """What the image is called on a command line: `lab`, `3.13` or `3.13-libs`."""
        return "lab" if self.kind == "lab" else self.name.rpartition(":")[2]

    def tagged(self, content: str) -> str:
        """Return what the image is called on an engine that has this content:
        `labctl/client:3.13-2c26b46b68ff`. So the images of several versions of labctl are there
        side by side.
        """
        repository, _, tag = self.name.rpartition(":")
        digits = content[:_TAG_DIGITS]
        return f"{repository}:{digits}" if self.kind == "lab" else f"{repository}:{tag}-{digits}"

    def is_called(self, name: str) -> bool:
        """Tell whether labctl gave this name, which an engine has, to an image that is labelled as
        this one. Older versions of labctl gave no hash with it. Any other name is of somebody who
        made an image from this one, or wants to keep it.
        """
        digits = name[-_TAG_DIGITS:]
        given = [self.name, self.tagged(digits)] if _HASH.fullmatch(digits) else [self.name]
        return any(is_same_name(name, one) for one in given)


def client_image(series: str) -> str:
    """Return the name of the image for clients of that Python (`3.13`)."""
    return f"labctl/client:{series}"


def libraries_image(series: str) -> str:
    """Return the name of the image for clients of that Python that use third-party libraries."""
    return f"{client_image(series)}-libs"


def every_name() -> list[str]:
    """Return the names of all images that labctl makes."""
    return [LAB, *map(client_image, SERIES), *map(libraries_image, SERIES)]


def is_same_name(full: str, name: str) -> bool:
    """Tell whether an engine's full name for an image is this name. Podman puts a host before it:
    `localhost/labctl/lab:2c26b46b68ff`. A name with more before it is another name.
    """
    return name in (full, full.partition("/")[2])


def parse_name(name: str) -> ImageTarget:
    """Return the image that a name means; `labctl/lab` may have a tag. Raise UsageError if labctl
    makes no such image.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise UsageError(
            f"labctl makes no image {name}",
            hint=f"it makes {LAB}, {client_image('<Python>')} and {libraries_image('<Python>')}",
        )
    series = match["series"]
    if series is None:
        return ImageTarget(name=f"{match['repository']}/lab:latest", kind="lab", series=LAB_SERIES)
    if series not in SERIES:
        raise UsageError(
            f"there is no image for Python {series}", hint=f"there are {', '.join(SERIES)}"
        )
    if match["libs"]:
        return ImageTarget(name=name, kind="libs", series=series, parent=name.removesuffix("-libs"))
    return ImageTarget(name=name, kind="client", series=series)


def full_name(name: str) -> str:
    """Return the full name of an image that labctl makes: `labctl/lab:latest` for `labctl/lab`.
    Return any other name as it is.
    """
    try:
        return parse_name(name).name
    except UsageError:
        return name
