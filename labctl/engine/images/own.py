"""The seam for images that users load from files, on an engine whose images no other program keeps.

Docker loads images itself; labctl has nothing to do with those.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from labctl.engine.images.status import ImageStatus


class OwnImages(Protocol):
    """The images that a user has loaded from files, each by every name that it has."""

    def load(self, source: Path, *, name: str = "") -> list[ImageStatus]:
        """Load what an archive or a folder has: one image with `name`, or all by their own names.
        Return them.

        Raise InputError if something is wrong with the source, and UsageError if with the name.
        """
        ...

    def all(self) -> list[ImageStatus]:
        """Return all that were loaded."""
        ...

    def find(self, name: str) -> str | None:
        """Return the full name of the image that this name means; None if there is none."""
        ...

    def remove(self, name: str) -> bool:
        """Remove the name of an image, and the image with its last name; return False if there is
        none. Raise ImageInUse if something uses it.
        """
        ...
