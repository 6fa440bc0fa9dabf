"""Unpacks tar archives of root file systems and of layers into a folder, without leaving it."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import shutil
import stat
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from labctl.engine.local.roots import remove_tree
from labctl.engine.runtime import Refusal
from labctl.warden.tree import inside

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_DEEPEST = 200
"""How many folders may be inside one another: more than any image has, and few enough for whatever
goes through them later.
"""
_SET_ID = 0o6000
_ITS_FAULT = (
    errno.EEXIST, errno.EINVAL, errno.EISDIR, errno.ELOOP, errno.EMLINK, errno.ENAMETOOLONG,
    errno.ENOENT, errno.ENOTDIR, errno.EPERM,
)  # fmt: skip
"""What an entry of an archive can bring about. All else is the disk's."""


def unpack(pieces: Iterable[bytes], root: Path) -> tuple[str, int]:
    """Unpack a tar archive, which comes in pieces, into an empty folder. Return the SHA-256 of the
    archive, and how many bytes its files have.

    Devices are left out: programs get their own. Owners are set only by root, since nobody else
    can. Raise Refusal if it is no archive, or an entry is outside of the folder.
    """
    reader = _PieceReader(iter(pieces))
    folders: dict[str, int] = {}
    size = 0
    with _archive(reader, "r|", "the root file system") as tar:
        for entry in tar:
            _unpack(tar, entry, root, mode=entry.mode)
            if entry.isdir():
                folders[entry.name] = entry.mode
            elif entry.isreg():
                size += entry.size
    # tarfile takes a header that it can't read for the end.
    if not reader.ends_with_zeros():
        raise Refusal("the root file system is no whole tar archive: its end is missing")
    _set_modes(root, folders)
    return reader.digest(), size


def unpack_layer(pieces: Iterable[bytes], root: Path) -> str:
    """Unpack the tar archive of a layer, which comes in pieces, on what is in a folder already, and
    return its SHA-256.

    It is as with `unpack`, but whiteouts hide what other layers have put there: `.wh.NAME` hides
    NAME, and `.wh..wh..opq` all that is in its folder. What is there gives way to what comes, but
    for folders, which are joined. Programs lose the right to run as their owner: labs deny it
    anyway, and on the host whoever made the layer would give it to others. Raise Refusal for
    whatever is wrong with the archive.
    """
    reader = _PieceReader(iter(pieces))
    folders: dict[str, int] = {}
    made: set[str] = set()
    with _archive(reader, "r|", "a layer") as tar:
        for entry in tar:
            with _at(entry):
                hidden = _hidden_by(entry.name)
                if hidden is not None:
                    _hide(root, hidden, made)
                    continue
                keeps = 0o7777 if entry.isdir() else ~_SET_ID
                made.update(_with_parents(_unpack(tar, entry, root, mode=entry.mode & keeps), root))
            if entry.isdir():
                folders[entry.name] = entry.mode
    _set_modes(root, folders)
    return reader.digest()


@contextlib.contextmanager
def _archive(reader: _PieceReader, mode: str, what: str) -> Iterator[tarfile.TarFile]:
    """Open an archive, and read it to its end. Raise Refusal inside the block if it is none."""
    try:
        file = io.BufferedReader(reader, 1 << 20)
        with tarfile.open(fileobj=file, mode=mode) as tar:  # type: ignore[call-overload]
            yield tar
        reader.finish()
    except (tarfile.TarError, ValueError, OverflowError, RecursionError) as error:
        # tarfile itself raises the others, where somebody wants it to.
        raise Refusal(f"{what} is no tar archive: {error}") from error


@contextlib.contextmanager
def _at(entry: tarfile.TarInfo) -> Iterator[None]:
    """Raise Refusal for what an entry of a layer brings about inside the block."""
    try:
        yield
    except (ValueError, OverflowError) as error:
        raise Refusal(f"the layer's entry {entry.name!r} can't be: {error}") from error
    except OSError as error:
        if error.errno not in _ITS_FAULT:
            raise
        reason = error.strerror or str(error)
        raise Refusal(f"the layer's entry {entry.name!r} can't be: {reason}") from error


def _unpack(tar: tarfile.TarFile, entry: tarfile.TarInfo, root: Path, *, mode: int) -> Path:
    """Unpack one entry over what is there of its name, and return where it is."""
    place = place_of(root, entry.name)
    if entry.isdir():
        _make_folder(place, root)
    elif place == root:
        raise Refusal(f"the archive has no folder as its root: {entry.name}")
    else:
        _make_folder(place.parent, root)
        _remove(place)
    if entry.isreg():
        content = tar.extractfile(entry)
        if content is None:
            return place
        with place.open("xb") as file:
            shutil.copyfileobj(content, file)
        os.utime(place, (entry.mtime, entry.mtime))
    elif entry.issym():
        place.symlink_to(entry.linkname)
    elif entry.islnk():
        os.link(place_of(root, entry.linkname), place, follow_symlinks=False)
        return place
    elif not entry.isdir():
        return place
    if os.getuid() == 0:
        os.lchown(place, entry.uid, entry.gid)
    if entry.isreg():
        # Later than the owner: a change of that takes setuid away.
        place.chmod(_mode(mode))
    return place


def _make_folder(place: Path, root: Path) -> None:
    """Make a folder, and those that it is in. What is no folder gives way, links to some too."""
    if place != root and not _is_folder(place):
        _make_folder(place.parent, root)
        _remove(place)
        place.mkdir()
        place.chmod(0o755)


def _is_folder(place: Path) -> bool:
    """Tell whether there is a folder; a link to one is none."""
    try:
        return stat.S_ISDIR(place.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _remove(place: Path) -> None:
    """Remove a file, a link, or a folder with all that is in it; nothing if there is none."""
    if _is_folder(place):
        remove_tree(place)
    else:
        place.unlink(missing_ok=True)


def _set_modes(root: Path, folders: dict[str, int]) -> None:
    """Set the permissions of folders by their names: once all is in them. What an archive has put
    in the place of a folder later is left alone.
    """
    for name, mode in folders.items():
        place = place_of(root, name)
        if _is_folder(place):
            place.chmod(_mode(mode, folder=True))


def _mode(mode: int, *, folder: bool = False) -> int:
    """Return the permissions of a file or folder, which its owner can always read."""
    return mode & 0o7777 | (0o700 if folder else 0o400)


def _hidden_by(name: str) -> str | None:
    """Return what an entry of a layer hides: a name, or one with `/` behind it for all that is in a
    folder. None: it is no whiteout.
    """
    folder, _, last = name.rstrip("/").rpartition("/")
    if not last.startswith(_WHITEOUT):
        return None
    if last == _OPAQUE:
        return f"{folder}/"
    hidden = last.removeprefix(_WHITEOUT)
    if hidden in ("", ".", ".."):
        raise Refusal(f"the archive hides what is outside of its root: {name}")
    return f"{folder}/{hidden}"


def _hide(root: Path, name: str, made: set[str]) -> None:
    """Remove what a whiteout hides, but for what this layer has made itself."""
    if not name.endswith("/"):
        _remove_others(place_of(root, name), made)
        return
    folder = place_of(root, f"{name}any").parent
    if _is_folder(folder):
        for child in list(folder.iterdir()):
            _remove_others(child, made)


def _remove_others(place: Path, made: set[str]) -> None:
    """Remove what is somewhere, but for what is in `made`."""
    if str(place) not in made:
        _remove(place)
    elif _is_folder(place):
        for child in list(place.iterdir()):
            _remove_others(child, made)


def _with_parents(place: Path, root: Path) -> Iterator[str]:
    """Yield a place and the folders that it is in, as text."""
    while place != root:
        yield str(place)
        place = place.parent


def place_of(root: Path, name: str) -> Path:
    """Return where an entry belongs. Links that the archive has made are followed inside the folder
    alone. Raise Refusal if its name leads outside.
    """
    parts = [part for part in PurePosixPath(name).parts if part not in ("/", "//", ".")]
    if ".." in parts:
        raise Refusal(f"the archive has an entry outside of its root: {name}")
    if not parts:
        return root
    place = Path(inside(str(root), "/".join(parts[:-1])), parts[-1])
    if len(place.parts) - len(root.parts) > _DEEPEST:
        raise Refusal(f"the archive has more than {_DEEPEST} folders inside one another")
    return place


class _PieceReader(io.RawIOBase):
    """Pieces of bytes as a file to be read once, with a hash over all of them."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        """Take the pieces."""
        self._pieces = pieces
        self._left = b""
        self._last = b""
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
            self._note(piece)
            self._left = piece
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    def finish(self) -> None:
        """Read what is left behind the archive's end."""
        for piece in self._pieces:
            self._note(piece)

    def _note(self, piece: bytes) -> None:
        """Note a piece that was read."""
        self._hash.update(piece)
        self._last = (self._last + piece[-tarfile.BLOCKSIZE :])[-tarfile.BLOCKSIZE :]

    def ends_with_zeros(self) -> bool:
        """Tell whether the last block is empty, as that of every archive is."""
        return self._last == bytes(tarfile.BLOCKSIZE)

    def digest(self) -> str:
        """Return the hash of all that was read."""
        return self._hash.hexdigest()
