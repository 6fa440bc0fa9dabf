"""The names and labels of labctl's images."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from labctl.errors import UsageError
from labctl.pythons import SERIES

LAB = "labctl/lab:latest"
LAB_SERIES = "3.13"
"""The Python that services and taps run on."""

# Labels of images; compose/images/*/Dockerfile set all but BASE.
ORIGIN = "labctl.origin"
PYTHON = "labctl.python"
CONTENT = "labctl.content"
"""A hash over all that goes into an image: another one means that the image is stale."""
IMAGE = "labctl.image"
"""The name that it was made for."""
BASE = "labctl.base"
"""A hash of how a base was made, to find it again."""

_NAME = re.compile(
    r"(?P<repository>[a-z0-9-]+)/(?:client:(?P<series>\d+\.\d+)(?P<libs>-libs)?|lab(?::latest)?)"
)


@dataclass(frozen=True, kw_only=True)
class ImageTarget:
    """An image that can be made. One of the kind `libs` is made of the client image `parent`."""

    name: str
    kind: Literal["client", "lab", "libs"]
    series: str
    parent: str = ""


def client_image(series: str) -> str:
    """Return the name of the image for clients of that Python (`3.13`)."""
    return f"labctl/client:{series}"


def libraries_image(series: str) -> str:
    """Return the name of the image for clients of that Python that use third-party libraries."""
    return f"{client_image(series)}-libs"


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
