"""The files that an exercise asks for, found in one submission."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from labctl.submissions.limits import ARCHIVE_BYTES, FILE_BYTES, KIB, MIB, OTHER_NAMES
from labctl.submissions.names import Entry
from labctl.submissions.refusal import RefusalError, quote
from labctl.submissions.store import FileStore, Store
from labctl.submissions.tars import BLOCK, TarStore, compression_of, is_tar
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
"""Suffixes of archives. labctl can't read all of these, but it must refuse them by name."""

_SAME_SUFFIX: Final = {".yml": ".yaml"}


@dataclass(frozen=True, kw_only=True)
class SubmittedFiles:
    """The files of a submission that the exercise asks for.

    `contents` are those that are there, by name; their bytes need not be UTF-8. `digest` is a
    SHA-256 in hex: for each file, sorted by name, its name and its bytes are hashed, each with its
    length in decimal and a colon before it. `other_names` are the names of at most 20 other files,
    safe to print.
    """

    contents: Mapping[str, bytes]
    digest: str
    other_names: tuple[str, ...]


def read_files(store: Store, exercise_files: Sequence[str]) -> SubmittedFiles:
    """Return the exercise's files in a store, or in the only archive in it.

    Raise RefusalError, and OSError if the disk fails.
    """
    entries = store.entries()
    entry = _archive_entry(entries, exercise_files)
    archive = _archive_at(store, entry) if entry else None
    if entry is None or archive is None:
        return _files(store, entries, exercise_files)
    try:
        return _files(archive, archive.entries(), exercise_files)
    except RefusalError as error:
        if isinstance(store, FileStore):
            raise
        raise RefusalError(f"in {quote(entry.path)}: {error.message}") from None


def has_archive_suffix(name: str) -> bool:
    """Tell whether a file's name has the suffix of an archive."""
    return name.casefold().endswith(ARCHIVE_SUFFIXES)


def open_archive(data: bytes) -> Store | None:
    """Return the store of an archive, recognised by its content; None if it is no archive."""
    if data.startswith(MAGIC):
        return ZipStore(data=data)
    compression = compression_of(data)
    if compression or is_tar(data[:BLOCK]):
        return TarStore(data=data, compression=compression)
    return None


def _archive_entry(entries: list[Entry], exercise_files: Sequence[str]) -> Entry | None:
    """Return the entry that may be an archive with everything in it; None if there is none.

    That is the only entry; or the only archive, if no entry has the name of an exercise's file.
    """
    if len(entries) > 1 and not any(entry.name in exercise_files for entry in entries):
        entries = [entry for entry in entries if has_archive_suffix(entry.name)]
    return entries[0] if len(entries) == 1 else None


def _archive_at(store: Store, entry: Entry) -> Store | None:
    """Return the store of an entry that is an archive; None if it is another file.

    Raise RefusalError if it is too large, or has the suffix of an archive, but is none.
    """
    if entry.size > ARCHIVE_BYTES:
        raise RefusalError(
            f"{quote(entry.path)} has more than {ARCHIVE_BYTES // MIB} MiB: hand in only what is "
            "asked for"
        )
    archive = open_archive(store.read([entry])[entry.path])
    if archive is None and has_archive_suffix(entry.name):
        raise RefusalError(f"{quote(entry.path)} is no zip or tar archive: hand in a zip")
    return archive


def _files(store: Store, entries: list[Entry], exercise_files: Sequence[str]) -> SubmittedFiles:
    """Read the exercise's files of a store. Raise RefusalError if there are none."""
    chosen = _chosen(entries, exercise_files)
    if not chosen:
        raise RefusalError(f"{_summary(entries)}: hand in {' and '.join(exercise_files)}")
    for entry in chosen.values():
        if entry.size > FILE_BYTES:
            raise RefusalError(
                f"{quote(entry.path)} has more than {FILE_BYTES // KIB} KiB: make it smaller"
            )
    data = store.read(list(chosen.values()))
    contents = {name: data[entry.path] for name, entry in sorted(chosen.items())}
    others = {entry.path for entry in entries} - data.keys()
    return SubmittedFiles(
        contents=contents,
        digest=_digest(contents),
        other_names=tuple(escape_control(path) for path in sorted(others)[:OTHER_NAMES]),
    )


def _chosen(entries: list[Entry], exercise_files: Sequence[str]) -> dict[str, Entry]:
    """Return the entry of each exercise's file that is there.

    A single file with another name counts, if only one of the exercise's files has its suffix.
    """
    chosen = {name: entry for name in exercise_files if (entry := _shallowest(name, entries))}
    if chosen or len(entries) != 1:
        return chosen
    same = [name for name in exercise_files if _suffix(name) == _suffix(entries[0].name)]
    return {same[0]: entries[0]} if len(same) == 1 else {}


def _shallowest(name: str, entries: list[Entry]) -> Entry | None:
    """Return the entry of that name in the fewest folders. Raise RefusalError if there are two."""
    same_name = sorted(
        (entry for entry in entries if entry.name == name),
        key=lambda entry: (entry.depth, entry.path),
    )
    if len(same_name) > 1 and same_name[0].depth == same_name[1].depth:
        paths = f"{quote(same_name[0].path)} and as {quote(same_name[1].path)}"
        raise RefusalError(f"{name} is there as {paths}: keep one of them")
    return same_name[0] if same_name else None


def _suffix(name: str) -> str:
    """Return a file's suffix in one spelling."""
    suffix = PurePosixPath(name).suffix.casefold()
    return _SAME_SUFFIX.get(suffix, suffix)


def _summary(entries: list[Entry]) -> str:
    """Return a sentence that names some entries, none of which the exercise asks for."""
    if not entries:
        return "the submission has no files"
    names = sorted(entry.path for entry in entries)[:3]
    more = " and more" if len(entries) > len(names) else ""
    return f"the submission has {', '.join(map(quote, names))}{more}, but no file that is asked for"


def _digest(contents: Mapping[str, bytes]) -> str:
    """Return the digest of files by their names and contents."""
    digest = hashlib.sha256()
    for name, data in sorted(contents.items()):
        for part in (name.encode(), data):
            digest.update(b"%d:%s" % (len(part), part))
    return digest.hexdigest()
