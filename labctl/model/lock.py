"""What a run may use, and nothing else: `labctl.lock`."""

from __future__ import annotations

from pydantic import Field

from labctl.model.base import Input, Text


class LockedImage(Input):
    """An image by the digest of what is in it, and the versions that it has of Python and
    libraries: people read these, and where the digest differs they tell why.
    """

    id: Text
    python: str = ""
    packages: dict[Text, Text] = Field(default_factory=dict)


class Lock(Input):
    """A file `labctl.lock`: the version of labctl, the name of the engine, and the images by name.

    Locks of earlier versions name no engine: they are for any.
    """

    labctl: Text
    engine: str = ""
    images: dict[Text, LockedImage]
