"""The images that labs are made of: what they hold, where their bases come from, their making."""

from labctl.engine.images.maker import ProgressEvent
from labctl.engine.images.names import (
    LAB,
    client_image,
    every_name,
    libraries_image,
    parse_name,
)
from labctl.engine.images.status import ImageState, ImageStatus
from labctl.engine.images.store import ImageStore

__all__ = [
    "LAB",
    "ImageState",
    "ImageStatus",
    "ImageStore",
    "ProgressEvent",
    "client_image",
    "every_name",
    "libraries_image",
    "parse_name",
]
