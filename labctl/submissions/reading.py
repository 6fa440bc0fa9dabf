"""What an exercise asks for, found among the files of one submission."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from labctl.submissions.limits import ARCHIVE_BYTES, IGNORED, KIB, MIB, WANTED_BYTES
from labctl.submissions.names import Entry
from labctl.submissions.refused import Refused, shown
from labctl.submissions.store import PieceStore, Store
from labctl.submissions.tars import BLOCK, TarStore, is_tar, packing_of
from labctl.submissions.zips import MAGIC, ZipStore
from labctl.text import escape_control

ARCHIVE_SUFFIXES: Final = (
    ".tar.gz",
    ".tar.bz2",
    ".tar.xz",
    ".tar",
    ".tgz",
    ".tbz2",
    ".txz",
    ".zip",
    ".7z",
    ".rar",
)
"""What archives are called, those too that are not read: they are to be refused, not missed."""

_SAME_SUFFIX: Final = {".yml": ".yaml"}


@dataclass(frozen=True, kw_only=True)
class Files:
    """What was read of a submission.

    `contents` has the wanted files that are there, as bytes that need not be UTF-8. `digest` is
    the SHA-256, in hex, of `LENGTH:NAME LENGTH:BYTES` of each, sorted by name, without the space.
    `ignored` are the names of at most 20 other files, safe to print.
    """

    contents: Mapping[str, bytes]
    digest: str
    ignored: tuple[str, ...]


def read_files(store: Store, wanted: Sequence[str]) -> Files:
    """The wanted files of a store, or of the one archive in it. Raises Refused, and OSError."""
    entries = store.entries()
    entry = _archive(entries, wanted)
    archive = _opened(store, entry) if entry else None
    if entry is None or archive is None:
        return _files(store, entries, wanted)
    try:
        return _files(archive, archive.entries(), wanted)
    except Refused as error:
        if isinstance(store, PieceStore):
            raise
        raise Refused(f"in {shown(entry.path)}: {error.message}") from None


def is_called_archive(name: str) -> bool:
    """Whether a file of that name is meant as an archive."""
    return name.casefold().endswith(ARCHIVE_SUFFIXES)


def opened_archive(data: bytes) -> Store | None:
    """The files of an archive, told by its content alone; None where it is none."""
    if data.startswith(MAGIC):
        return ZipStore(data=data)
    packing = packing_of(data)
    if packing or is_tar(data[:BLOCK]):
        return TarStore(data=data, packing=packing)
    return None


def _archive(entries: list[Entry], wanted: Sequence[str]) -> Entry | None:
    """What is all there is, or the one archive where nothing has a wanted name."""
    if len(entries) > 1 and not any(entry.base in wanted for entry in entries):
        entries = [entry for entry in entries if is_called_archive(entry.base)]
    return entries[0] if len(entries) == 1 else None


def _opened(store: Store, entry: Entry) -> Store | None:
    """The archive that a file is; None where it is none, and isn't called one either."""
    if entry.size > ARCHIVE_BYTES:
        raise Refused(
            f"{shown(entry.path)} has more than {ARCHIVE_BYTES // MIB} MiB: hand in what is asked "
            "for"
        )
    archive = opened_archive(store.fetch([entry])[entry.path])
    if archive is None and is_called_archive(entry.base):
        raise Refused(f"{shown(entry.path)} is no zip or tar archive: hand in a zip")
    return archive


def _files(store: Store, entries: list[Entry], wanted: Sequence[str]) -> Files:
    picked = _picked(entries, wanted)
    if not picked:
        raise Refused(f"{_what_is_there(entries)}: hand in {' and '.join(wanted)}")
    for entry in picked.values():
        if entry.size > WANTED_BYTES:
            raise Refused(
                f"{shown(entry.path)} has more than {WANTED_BYTES // KIB} KiB: make it smaller"
            )
    data = store.fetch(list(picked.values()))
    contents = {name: data[entry.path] for name, entry in sorted(picked.items())}
    others = {entry.path for entry in entries} - data.keys()
    return Files(
        contents=contents,
        digest=_digest(contents),
        ignored=tuple(escape_control(path) for path in sorted(others)[:IGNORED]),
    )


def _picked(entries: list[Entry], wanted: Sequence[str]) -> dict[str, Entry]:
    """The entry of each wanted file that is there."""
    found = {name: entry for name in wanted if (entry := _shallowest(name, entries))}
    if found or len(entries) != 1:
        return found
    fitting = [name for name in wanted if _suffix(name) == _suffix(entries[0].base)]
    return {fitting[0]: entries[0]} if len(fitting) == 1 else {}


def _shallowest(name: str, entries: list[Entry]) -> Entry | None:
    found = sorted(
        (entry for entry in entries if entry.base == name),
        key=lambda entry: (entry.depth, entry.path),
    )
    if len(found) > 1 and found[0].depth == found[1].depth:
        raise Refused(
            f"{name} is there as {shown(found[0].path)} and as {shown(found[1].path)}: keep one of "
            "the two"
        )
    return found[0] if found else None


def _suffix(name: str) -> str:
    suffix = PurePosixPath(name).suffix.casefold()
    return _SAME_SUFFIX.get(suffix, suffix)


def _what_is_there(entries: list[Entry]) -> str:
    if not entries:
        return "holds no files"
    names = sorted(entry.path for entry in entries)[:3]
    more = ", ..." if len(entries) > len(names) else ""
    return f"holds nothing that is asked for, but {', '.join(map(shown, names))}{more}"


def _digest(contents: Mapping[str, bytes]) -> str:
    found = hashlib.sha256()
    for name, data in sorted(contents.items()):
        for part in (name.encode(), data):
            found.update(b"%d:%s" % (len(part), part))
    return found.hexdigest()
