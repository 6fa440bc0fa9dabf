"""The files of an image that was saved: in a folder, or in a tar archive, maybe compressed.

Whoever made them may be hostile: names that lead outside are of no file, and nothing is taken into
memory but what its reader limits.
"""

from __future__ import annotations

import contextlib
import gzip
import importlib
import posixpath
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Protocol

from labctl.engine.runtime import Refusal

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_GZIP_ERRORS = (EOFError, zlib.error, gzip.BadGzipFile)
_CHUNK = 1 << 20
_MOST_LINKS = 40
_UNCOMPRESSED = (
    "save it uncompressed: with docker save, or skopeo copy oci:FOLDER docker-archive:FILE:NAME"
)


class ArchiveFiles(Protocol):
    """Files by their names, which have a `/` between folders."""

    def open(self, name: str) -> IO[bytes] | None:
        """Open a file to be read; None if there is none. Close it."""
        ...


@contextlib.contextmanager
def open_files(source: Path, *, work: Path) -> Iterator[ArchiveFiles]:
    """Open a folder, or an archive, which is uncompressed into a file in `work` if it has to be.
    Raise Refusal if it is neither, and OSError if it can't be read.
    """
    if source.is_dir():
        yield _Folder(source)
        return
    with contextlib.ExitStack() as stack:
        file: IO[bytes] = stack.enter_context(source.open("rb"))
        if _beginning(file).startswith((_GZIP, _ZSTD)):
            plain = stack.enter_context(tempfile.TemporaryFile(dir=work))
            for piece in pieces(file):
                plain.write(piece)
            plain.seek(0)
            file = plain
        try:
            tar = stack.enter_context(tarfile.open(fileobj=file, mode="r:"))
            members = {posixpath.normpath(one.name): one for one in tar}
        except (tarfile.TarError, ValueError, OverflowError, RecursionError) as error:
            raise Refusal(f"it is no folder and no whole tar archive: {error}") from error
        yield _Archive(tar, members)


class _Folder:
    """The files in a folder."""

    def __init__(self, folder: Path) -> None:
        """Take the folder."""
        self._folder = folder

    def open(self, name: str) -> IO[bytes] | None:
        """Open a file to be read; None if there is none. Close it."""
        path = posixpath.normpath(name)
        if path.startswith(("/", "..")):
            return None
        place = self._folder / path
        try:
            return place.open("rb") if place.is_file() else None
        except ValueError:  # a name with a zero byte
            return None


class _Archive:
    """The files in a tar archive."""

    def __init__(self, tar: tarfile.TarFile, members: Mapping[str, tarfile.TarInfo]) -> None:
        """Take the archive, and what is in it by names without `.` and `..`."""
        self._tar = tar
        self._members = members

    def open(self, name: str) -> IO[bytes] | None:
        """Open a file to be read; None if there is none. Close it. Links are followed: Docker has
        some for layers that are there twice.
        """
        path = posixpath.normpath(name)
        for _ in range(_MOST_LINKS):
            member = self._members.get(path)
            if member is None or member.isreg():
                return None if member is None else self._tar.extractfile(member)
            if member.issym():
                path = posixpath.normpath(posixpath.join(posixpath.dirname(path), member.linkname))
            elif member.islnk():
                path = posixpath.normpath(member.linkname)
            else:
                return None
        return None


def pieces(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the content of a file in pieces, uncompressed if it is compressed. Raise Refusal if
    that fails.
    """
    start = _beginning(file)
    if start.startswith(_GZIP):
        yield from _uncompressed(gzip.GzipFile(fileobj=file), _GZIP_ERRORS)
    elif start.startswith(_ZSTD):
        zstd = _zstd()
        yield from _uncompressed(zstd.open(file), (EOFError, zstd.ZstdError))
    else:
        while piece := file.read(_CHUNK):
            yield piece


def _uncompressed(file: Any, errors: tuple[type[Exception], ...]) -> Iterator[bytes]:
    """Yield what a file that uncompresses has. Raise Refusal if it breaks off."""
    with file:
        while True:
            try:
                piece = file.read(_CHUNK)
            except errors as error:
                raise Refusal(f"its compressed data is broken: {error}") from error
            if not piece:
                return
            yield piece


def _beginning(file: IO[bytes]) -> bytes:
    """Return the first bytes of a file, which tell how it is compressed, and go back to them."""
    start = file.read(len(_ZSTD))
    file.seek(0)
    return start


def _zstd() -> Any:
    """Return the module that uncompresses zstd. Raise Refusal if this Python has none."""
    try:
        return importlib.import_module("compression.zstd")
    except ImportError:
        raise Refusal(
            "it is compressed with zstd, which this Python can't read", hint=_UNCOMPRESSED
        ) from None
