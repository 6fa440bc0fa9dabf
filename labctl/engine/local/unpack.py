"""Unpacks the tar archive of a root file system into a folder, without leaving it."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from labctl.engine.runtime import Refusal
from labctl.warden.tree import inside


def unpack(pieces: Iterable[bytes], root: Path) -> tuple[str, int]:
    """Unpack a tar archive, which comes in pieces, into an empty folder. Return the SHA-256 of the
    archive, and how many bytes its files have.

    Devices are left out: programs get their own. Owners are set only by root, since nobody else
    can. Raise Refusal if it is no archive, or an entry is outside of the folder.
    """
    reader = _PieceReader(iter(pieces))
    folders: list[tuple[Path, int]] = []
    size = 0
    try:
        with tarfile.open(fileobj=io.BufferedReader(reader, 1 << 20), mode="r|*") as tar:
            for entry in tar:
                place = place_of(root, entry.name)
                if entry.isdir():
                    place.mkdir(exist_ok=True, parents=True)
                    folders.append((place, entry.mode))
                elif entry.isreg():
                    size += entry.size
                _unpack(tar, entry, place, root)
        reader.finish()
    except tarfile.TarError as error:
        raise Refusal(f"the root file system is no tar archive: {error}") from error
    for folder, mode in reversed(folders):
        folder.chmod(_mode(mode, folder=True))
    return reader.digest(), size


def _unpack(tar: tarfile.TarFile, entry: tarfile.TarInfo, place: Path, root: Path) -> None:
    """Unpack one entry, which may be there from an earlier one of the same name."""
    if not entry.isdir():
        place.parent.mkdir(exist_ok=True, parents=True)
        if place.is_symlink() or place.is_file():
            place.unlink()
    if entry.isreg():
        content = tar.extractfile(entry)
        if content is None:
            return
        with place.open("xb") as file:
            shutil.copyfileobj(content, file)
            os.fchmod(file.fileno(), _mode(entry.mode))
        os.utime(place, (entry.mtime, entry.mtime))
    elif entry.issym():
        place.symlink_to(entry.linkname)
    elif entry.islnk():
        os.link(place_of(root, entry.linkname), place, follow_symlinks=False)
    elif not entry.isdir():
        return
    if os.getuid() == 0:
        os.lchown(place, entry.uid, entry.gid)


def _mode(mode: int, *, folder: bool = False) -> int:
    """Return the permissions of a file or folder, which its owner can always read."""
    return mode & 0o7777 | (0o700 if folder else 0o400)


def place_of(root: Path, name: str) -> Path:
    """Return where an entry belongs. Links that the archive has made are followed inside the folder
    alone. Raise Refusal if its name leads outside.
    """
    parts = [part for part in PurePosixPath(name).parts if part not in ("/", ".")]
    if ".." in parts:
        raise Refusal(f"the archive has an entry outside of its root: {name}")
    folder = inside(str(root), "/".join(parts[:-1]))
    return Path(folder, parts[-1]) if parts else root


class _PieceReader(io.RawIOBase):
    """Pieces of bytes as a file to be read once, with a hash over all of them."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        """Take the pieces."""
        self._pieces = pieces
        self._left = b""
        self._hash = hashlib.sha256()

    def readable(self) -> bool:
        """Return True: it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read some bytes into a buffer, and return how many; 0 at the end."""
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._hash.update(piece)
            self._left = piece
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    def finish(self) -> None:
        """Read what is left behind the archive's end."""
        for piece in self._pieces:
            self._hash.update(piece)

    def digest(self) -> str:
        """Return the hash of all that was read."""
        return self._hash.hexdigest()
