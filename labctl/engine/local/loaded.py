"""The images of the local engine that users have loaded from files: what Compose files of theirs
name.

Such an image has the label LOADED.
"""

from __future__ import annotations

from pathlib import Path

from labctl.engine.images.backend import StoredImage
from labctl.engine.images.names import LOADED
from labctl.engine.images.status import ImageState, ImageStatus
from labctl.engine.local.image_names import is_meant, with_tag
from labctl.engine.local.store import LocalImage, LocalStore

_ORIGIN = "file"


def find_image(store: LocalStore, name: str) -> LocalImage | None:
    """Return the image that whoever writes a Compose file means; None if there is none."""
    found = store.find(name)
    if found is None:
        full = _full_name(store, name)
        found = store.find(full) if full else None
    return found


class LoadedImages:
    """The OwnImages of the local engine."""

    def __init__(self, store: LocalStore) -> None:
        """Take the store."""
        self._store = store

    def load(self, source: Path, *, name: str = "") -> list[ImageStatus]:
        """Load what an archive or a folder has: one image with `name`, or all by their own names.
        Return them.

        Raise InputError if something is wrong with the source, and UsageError if with the name.
        """
        # Only who loads pays for it.
        from labctl.engine.local.loading import load_images  # noqa: PLC0415

        names = load_images(self._store, source, name=name)
        return [one for one in self.all() if one.name in names]

    def all(self) -> list[ImageStatus]:
        """Return all that were loaded."""
        named = [(name, image) for image in _loaded(self._store) for name in image.names]
        return [
            ImageStatus(
                name=name,
                state=ImageState.READY,
                origin=_ORIGIN,
                id=image.id,
                reference=name,
                size=image.size,
            )
            for name, image in sorted(named, key=lambda one: one[0])
        ]

    def find(self, name: str) -> str | None:
        """Return the full name of the image that this name means; None if there is none."""
        return _full_name(self._store, name)

    def remove(self, name: str) -> bool:
        """Remove the name of an image, and the image with its last name; return False if there is
        none. Raise ImageInUse if something uses it.
        """
        full = _full_name(self._store, name)
        return full is not None and self._store.remove(full)


def _full_name(store: LocalStore, name: str) -> str | None:
    """Return the full name of the loaded image that a name means: the very one, or else the newest
    that is known as that. None if there is none.
    """
    names = [full for image in _loaded(store) for full in image.names]
    if with_tag(name) in names:
        return with_tag(name)
    return next((full for full in names if is_meant(name, full)), None)


def _loaded(store: LocalStore) -> list[StoredImage]:
    """Return the images that were loaded, the newest first."""
    found = (image for image in store.all() if LOADED in image.labels)
    return sorted(found, key=lambda image: image.created, reverse=True)
