"""The images of the local engine: folders in the user's cache, each with what it is beside it.

images/ID/root/        the root file system, which nothing changes any more
images/ID/image.json   what the image is
images/ID/lock         held by those who use the image (flock)
names/NAME             a link to an image; a `+` stands for each `/` in the name
making/                what is not finished yet; `maker` in each folder is held by its maker
mount/                 empty: each lab mounts its own files there
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from labctl.engine.images.backend import ImageInUse, StoredImage, Unwritable
from labctl.engine.local.roots import add_mount_points, remove_tree, size_of

_CACHE = "XDG_CACHE_HOME"
_IMAGES, _NAMES, _MAKING = "images", "names", "making"
ROOT = "root"
"""What the folder of an image's root file system is called, in that of the image."""
_RECORD, _LOCK, _MAKER = "image.json", "lock", "maker"
_ABSENT = (FileNotFoundError, NotADirectoryError)
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, kw_only=True)
class LocalImage:
    """An image: its labels, and how its programs run. `size` is in bytes, `created` in seconds
    since 1970, `parent` the id of the image that it was made of, if it was.
    """

    id: str = ""
    parent: str = ""
    created: float = 0
    size: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    working_dir: str = ""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()


class LocalStore:
    """The images in one folder. Several processes may use it at once."""

    def __init__(self, folder: Path | None = None) -> None:
        """Take the folder; without one, it is in the user's cache. Nothing is made yet."""
        self._folder = default_folder() if folder is None else folder

    @property
    def mount(self) -> Path:
        """An empty folder, which is made if it is missing, for labs to mount their files on. Raise
        Unwritable if it can't be made.
        """
        place = self._folder / "mount"
        if not place.is_dir():
            with self._writing():
                place.mkdir(parents=True, exist_ok=True)
        return place

    def root(self, image: LocalImage) -> Path:
        """Return the folder that is an image's root file system."""
        return self._image(image.id) / ROOT

    def find(self, name: str) -> LocalImage | None:
        """Return the image of a name or an id; None if there is none. Raise Unwritable if the
        folder may not be read.
        """
        with self._writing(), contextlib.suppress(*_ABSENT):
            target = self._name(name)
            return _read(target if target.is_symlink() else self._image(name))
        return None

    def all(self) -> list[StoredImage]:
        """Return all images, with their names."""
        found = list(self._all())
        names = self._names()
        ids = {image.id for image in found}
        return [
            StoredImage(
                id=image.id,
                names=tuple(sorted(names.get(image.id, ()))),
                labels=image.labels,
                size=image.size,
                created=image.created,
                has_parent=image.parent in ids,
            )
            for image in found
        ]

    def _all(self) -> Iterator[LocalImage]:
        """Yield all images."""
        for place in self._listed(_IMAGES):
            with contextlib.suppress(*_ABSENT):  # one that is being removed
                yield _read(place)

    def _listed(self, folder: str) -> list[Path]:
        """Return what is in one of the folders. Raise Unwritable if it may not be read."""
        with self._writing(), contextlib.suppress(*_ABSENT):
            return sorted((self._folder / folder).iterdir())
        return []

    def _names(self) -> dict[str, list[str]]:
        """Return the names of the images, by their ids."""
        names: dict[str, list[str]] = {}
        for link in self._listed(_NAMES):
            with contextlib.suppress(OSError):  # one that has just gone
                if not link.name.startswith("."):
                    name = link.name.replace("+", "/")
                    names.setdefault(link.readlink().name, []).append(name)
        return names

    @contextlib.contextmanager
    def making(self) -> Iterator[Path]:
        """Yield a new folder for an image in the making, which has an empty `root` in it. What is
        still there in the end is removed. Raise Unwritable if the disk is full or read-only.
        """
        place = self._folder / _MAKING / secrets.token_hex(8)
        with self._writing():
            (place / ROOT).mkdir(parents=True)
            (place / ROOT).chmod(0o755)
            try:
                with _locked(place / _MAKER):
                    yield place
            finally:
                remove_tree(place)

    def keep(self, making: Path, image: LocalImage) -> LocalImage:
        """Keep a finished image, and return it with the time. If there is one of this id already,
        return that one.
        """
        made = replace(image, created=time.time(), size=size_of(making / ROOT))
        place = self._image(made.id)
        with self._writing():
            add_mount_points(making / ROOT)
            (making / _RECORD).write_text(json.dumps(asdict(made)), "utf-8")
            (making / _LOCK).touch()
            place.parent.mkdir(exist_ok=True)
            try:
                making.rename(place)
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
                return _read(place)
        return made

    def tag(self, image: LocalImage, name: str) -> None:
        """Give an image a name, which another one loses if it has it."""
        link = self._name(name)
        with self._writing():
            link.parent.mkdir(exist_ok=True)
            new = link.with_name(f".{secrets.token_hex(8)}")
            new.symlink_to(f"../{_IMAGES}/{image.id}")
            new.replace(link)

    def lock(self, image: LocalImage) -> int:
        """Return an open file that keeps the image from being removed until it is closed, here and
        wherever else it is open. Raise ImageInUse if it is just being removed.
        """
        place = self._image(image.id) / _LOCK
        gone = ImageInUse(f"the image {image.id[:12]} is being removed")
        try:
            file = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise gone from None
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            # Somebody may have removed it after it was opened.
            is_there = os.path.samestat(os.fstat(file), place.stat())
        except (BlockingIOError, FileNotFoundError):
            is_there = False
        if not is_there:
            os.close(file)
            raise gone
        return file

    def remove(self, name: str) -> bool:
        """Remove a name of an image, and the image with its unnamed parents if that was the last
        one. Return False if there is no such image. Raise ImageInUse if it is used.
        """
        image = self.find(name)
        if image is None:
            return False
        link = self._name(name)
        others = [one for one in self._names().get(image.id, ()) if one != name]
        if others and link.is_symlink():
            link.unlink()
            return True
        if others:
            raise ImageInUse(f"the image is called {', '.join(others)}")
        self._remove(image, link)
        while image.parent and not self._names().get(image.parent):
            parent = self.find(image.parent)
            if parent is None:
                break
            try:
                self._remove(parent, None)
            except ImageInUse:
                break
            image = parent
        return True

    def _remove(self, image: LocalImage, link: Path | None) -> None:
        """Remove an image, and the link that is its name. Raise ImageInUse if it is used."""
        if any(one.parent == image.id for one in self._all()):
            raise ImageInUse("another image is made of it")
        place = self._image(image.id)
        gone = self._folder / _MAKING / f"gone-{secrets.token_hex(8)}"
        # Another labctl may be faster.
        with self._writing(), contextlib.suppress(FileNotFoundError), _locked(place / _LOCK):
            if link is not None:
                link.unlink(missing_ok=True)
            # In one step: whoever looks meanwhile finds all of it or nothing.
            gone.parent.mkdir(exist_ok=True)
            place.rename(gone)
        remove_tree(gone)

    def remove_unfinished(self, label: str, *, min_age_s: float) -> None:
        """Remove the images with a label that have no name and that nothing uses, and what killed
        processes left, unless they are younger than this.
        """
        oldest = time.time() - min_age_s
        for image in self.all():
            if label in image.labels and not image.names and image.created <= oldest:
                with contextlib.suppress(ImageInUse):
                    self.remove(image.id)
        for place in self._listed(_MAKING):
            with contextlib.suppress(ImageInUse, FileNotFoundError), self._writing():
                if place.stat().st_mtime <= oldest:
                    with _locked(place / _MAKER):
                        remove_tree(place)
        for link in self._listed(_NAMES):
            with contextlib.suppress(FileNotFoundError), self._writing():
                if link.name.startswith(".") and link.lstat().st_mtime <= oldest:
                    link.unlink(missing_ok=True)

    def _image(self, id_: str) -> Path:
        """Return the folder of an image."""
        return self._folder / _IMAGES / id_.replace("/", "+")

    def _name(self, name: str) -> Path:
        """Return the link that is an image's name."""
        return self._folder / _NAMES / name.replace("/", "+")

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Raise Unwritable for what keeps the store from reading or writing inside the block."""
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            raise Unwritable(
                f"images cannot be kept in {self._folder}: {reason}",
                hint=f"make room there, or set {_CACHE} to a folder with more"
                if error.errno in _FULL
                else f"set {_CACHE} to a folder that you may write to",
            ) from error


def default_folder() -> Path:
    """Return the folder of the user's images: in XDG_CACHE_HOME, or else in ~/.cache."""
    given = os.environ.get(_CACHE, "")
    cache = Path(given) if given.startswith("/") else Path.home() / ".cache"
    return cache / "labctl" / "local"


def _read(place: Path) -> LocalImage:
    """Read what an image is. Raise FileNotFoundError if it has gone, or its record is broken."""
    text = (place / _RECORD).read_text("utf-8")
    try:
        record = json.loads(text)
        for key in ("entrypoint", "command"):
            record[key] = tuple(record[key])
        return LocalImage(**record)
    except (ValueError, TypeError, KeyError) as error:
        raise FileNotFoundError(errno.ENOENT, "its record is broken", str(place)) from error


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock alone inside the block. Raise ImageInUse if others hold it."""
    file = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ImageInUse("something uses it") from None
        yield
    finally:
        os.close(file)
