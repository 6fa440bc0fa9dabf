"""The submissions that some paths hold: whose each is, but nothing of what is in it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from labctl.errors import UsageError
from labctl.submissions.limits import KIB
from labctl.submissions.names import is_skipped
from labctl.submissions.reading import is_called_archive
from labctl.submissions.refused import Refused
from labctl.submissions.store import PieceStore, opened
from labctl.submissions.students import (
    HandedIn,
    clean_name,
    course_name,
    id_of,
    latest,
    without_suffix,
)
from labctl.submissions.submission import Submission
from labctl.submissions.zips import MAGIC, MemberStore, names_in
from labctl.text import escape_control

_SUFFIXES: Final = frozenset({".py", ".yaml", ".yml"})
_RESULTS: Final = frozenset({"labctl-grades.json", "students"})
"""What `labctl grade` makes first in the folder that it writes to."""

_HINT: Final = "give a folder of submissions, a course system's download, an archive or a file"


def find(paths: Sequence[Path], wanted: Sequence[str]) -> list[Submission]:
    """The submissions in these paths, by id; `wanted` are the files that the exercise asks for.

    A folder is one submission if a wanted file is directly in it, or if a course system named it;
    else everything in it is one. A zip is many if all in it bears names of a course system.
    UsageError for a path that isn't there, where there are none, and where a student has two.
    """
    given = list({_absolute(path): path for path in paths}.values())
    if len(given) == 1 and _is_link(given[0]):
        # who names one link means what it leads to; among many it may be a student's
        given = [given[0].resolve()]
    found: list[Submission] = []
    loose: list[Path] = []
    for path in given:
        _must_be_there(path)
        zipped = _in_course_zip(path, wanted)
        found += zipped
        if not zipped:
            loose += _expanded(path, wanted, is_alone=len(given) == 1)
    found += _by_student(loose, wanted)
    _must_be_of_different_students(found)
    if not found:
        places = ", ".join(escape_control(str(path)) for path in given)
        raise UsageError(f"there are no submissions in {places or 'nothing'}", hint=_HINT)
    return sorted(found, key=lambda each: each.id)


def _must_be_there(path: Path) -> None:
    if not os.path.lexists(path):
        raise UsageError(f"there is no {escape_control(str(path))}", hint=_HINT)


def _must_be_of_different_students(found: list[Submission]) -> None:
    known: dict[str, Submission] = {}
    for each in found:
        other = known.setdefault(each.id, each)
        if other is not each:
            raise UsageError(
                f"the student {each.id} has two submissions: {_place(other)} and {_place(each)}",
                hint="leave one of the two out, or rename it",
            )


def _place(each: Submission) -> str:
    return escape_control(str(each.origin))


def _expanded(path: Path, wanted: Sequence[str], *, is_alone: bool) -> list[Path]:
    """What is one submission each, or one file of several."""
    if not _is_folder(path) or course_name(_absolute(path).name):
        return [path]
    names = _names(path)
    if any(name in wanted and not _is_folder(path / name) for name in names):
        return [path]
    inside = [path / name for name in names if _is_handed_in(path / name, wanted)]
    # a student's empty folder, given beside those of others, is to be told of
    return inside if inside or is_alone else [path]


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise UsageError(f"{escape_control(str(folder))} can't be read: {error.strerror}") from None


def _is_handed_in(path: Path, wanted: Sequence[str]) -> bool:
    if path.name.startswith(".") or is_skipped(path.name):
        return False
    if _is_link(path) or course_name(path.name) or is_called_archive(path.name):
        return True
    if _is_folder(path):
        return not _is_result(path, wanted)
    suffixes = _SUFFIXES | {PurePosixPath(name).suffix for name in wanted}
    return path.suffix.casefold() in suffixes or (not path.suffix and _begins(path, *MAGIC))


def _is_result(folder: Path, wanted: Sequence[str]) -> bool:
    """Whether `labctl grade` wrote this folder; none that has a wanted file in it."""
    try:
        names = {path.name for path in folder.iterdir()}
    except OSError:
        return False
    return names >= _RESULTS and names.isdisjoint(wanted)


def _head(path: Path) -> bytes:
    """The first 1024 bytes of a regular file; none of anything else."""
    try:
        with opened(path) as file:
            return file.read(KIB)
    except (Refused, OSError):
        return b""


def _begins(path: Path, *magic: bytes) -> bool:
    return _head(path).startswith(magic)


def _is_folder(path: Path) -> bool:
    return stat.S_ISDIR(_mode(path))


def _is_link(path: Path) -> bool:
    return stat.S_ISLNK(_mode(path))


def _mode(path: Path) -> int:
    """What lstat says; 0 where it may not be asked, which reading will tell of."""
    try:
        return path.lstat().st_mode
    except OSError:
        return 0


def _absolute(path: Path) -> Path:
    """Without `..`, so that `.` has a name too; links are left alone."""
    return Path(os.path.abspath(path))  # noqa: PTH100 `resolve` follows links


def _by_student(loose: list[Path], wanted: Sequence[str]) -> Iterator[Submission]:
    groups: dict[tuple[Path, str], list[tuple[HandedIn, Path]]] = {}
    for path in loose:
        name = _absolute(path).name
        if handed_in := course_name(name):
            place = _absolute(path).parent
            groups.setdefault((place, handed_in.id), []).append((handed_in, path))
        else:
            student = name if _is_folder(path) else without_suffix(name)
            shown_name = clean_name(student) or id_of(student)
            yield Submission(id=id_of(student), name=shown_name, origin=path)
    for group in groups.values():
        yield from _of_one_student(group, wanted)


def _of_one_student(
    group: list[tuple[HandedIn, Path]], wanted: Sequence[str]
) -> Iterator[Submission]:
    """Files are one submission, and each folder is one: of two, somebody must choose."""
    group = [each for each in group if not each[0].is_text] or group
    who = group[0][0]
    for _, path in group:
        if _is_folder(path):
            yield Submission(id=who.id, name=who.name, origin=path)
    files = [(each, path) for each, path in group if not _is_folder(path)]
    if files:
        pieces = latest(files, wanted)
        origin = next(iter(pieces.values()))
        yield Submission(id=who.id, name=who.name, origin=origin, store=PieceStore(pieces=pieces))


def _in_course_zip(path: Path, wanted: Sequence[str]) -> list[Submission]:
    """The submissions in a course's zip; none where this is no such zip."""
    if not _begins(path, *MAGIC):
        return []
    try:
        names = names_in(path)
    except (Refused, OSError):
        return []
    groups: dict[str, list[tuple[HandedIn, str]]] = {}
    for name in names:
        top = name.partition("/")[0]
        if is_skipped(top):
            continue
        handed_in = course_name(top)
        if handed_in is None:
            return []
        groups.setdefault(handed_in.id, []).append((handed_in, name))
    return [_of_members(path, group, wanted) for group in groups.values()]


def _of_members(
    archive: Path, group: list[tuple[HandedIn, str]], wanted: Sequence[str]
) -> Submission:
    group = [each for each in group if not each[0].is_text] or group
    who = group[0][0]
    files = latest([each for each in group if "/" not in each[1]], wanted)
    inside = (name for _, name in group if "/" in name and not name.endswith("/"))
    members = {member: name for name, member in files.items()}
    members |= {name: name.partition("/")[2] for name in inside}
    store = MemberStore(archive=archive, members=members)
    return Submission(id=who.id, name=who.name, origin=archive, store=store)
