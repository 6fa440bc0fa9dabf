"""The submissions in some paths, found by names. Of files, only the first bytes are read, and of
zips the directory.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from labctl.errors import UsageError
from labctl.submissions.limits import KIB
from labctl.submissions.names import is_skipped
from labctl.submissions.reading import has_archive_suffix
from labctl.submissions.refusal import RefusalError
from labctl.submissions.store import FileStore, open_regular
from labctl.submissions.students import (
    CourseFileName,
    clean_name,
    latest_versions,
    parse_course_name,
    student_id,
    without_suffix,
)
from labctl.submissions.submission import Submission
from labctl.submissions.zips import MAGIC, CourseZipStore, zip_names
from labctl.text import escape_control

_SUFFIXES: Final = frozenset({".py", ".yaml", ".yml"})
_GRADE_OUTPUT: Final = frozenset({"labctl-grades.json", "students"})
"""What `labctl grade` creates first in its output folder."""

_HINT: Final = "give a folder of submissions, a course system's download, an archive or a file"


def find_submissions(paths: Sequence[Path], exercise_files: Sequence[str]) -> list[Submission]:
    """Return the submissions in some paths, sorted by id.

    `exercise_files` are the names of the files that the exercise asks for. A folder is one
    submission if it contains such a file, or if a course system named it; otherwise each entry in
    it is one. A zip has many submissions if a course system named all entries in it.

    Raise UsageError if a path does not exist, if there are no submissions, and if a student has
    two.
    """
    given = list({_absolute(path): path for path in paths}.values())
    if len(given) == 1 and _is_link(given[0]):
        # A single link is the teacher's own; among many it may be a student's.
        given = [given[0].resolve()]
    submissions: list[Submission] = []
    single: list[Path] = []
    for path in given:
        _must_exist(path)
        zipped = _in_course_zip(path, exercise_files)
        submissions += zipped
        if not zipped:
            single += _expanded(path, exercise_files, is_alone=len(given) == 1)
    submissions += _by_student(single, exercise_files)
    _must_be_of_different_students(submissions)
    if not submissions:
        places = ", ".join(escape_control(str(path)) for path in given)
        raise UsageError(f"there are no submissions in {places or 'nothing'}", hint=_HINT)
    return sorted(submissions, key=lambda each: each.id)


def _must_exist(path: Path) -> None:
    """Raise UsageError if there is no such file."""
    if not os.path.lexists(path):
        raise UsageError(f"there is no {escape_control(str(path))}", hint=_HINT)


def _must_be_of_different_students(submissions: list[Submission]) -> None:
    """Raise UsageError if a student has two submissions."""
    by_id: dict[str, Submission] = {}
    for each in submissions:
        other = by_id.setdefault(each.id, each)
        if other is not each:
            raise UsageError(
                f"the student {each.id} has two submissions: {_place(other)} and {_place(each)}",
                hint="leave one of them out, or rename it",
            )


def _place(submission: Submission) -> str:
    """Return where a submission is, for a message."""
    return escape_control(str(submission.origin))


def _expanded(path: Path, exercise_files: Sequence[str], *, is_alone: bool) -> list[Path]:
    """Return the submissions at a path: the path itself, or the entries of a folder of them."""
    if not _is_folder(path) or parse_course_name(_absolute(path).name):
        return [path]
    names = _names(path)
    if any(name in exercise_files and not _is_folder(path / name) for name in names):
        return [path]
    inside = [path / name for name in names if _is_submission(path / name, exercise_files)]
    # An empty folder beside those of other students is a submission, and refused as empty.
    return inside if inside or is_alone else [path]


def _names(folder: Path) -> list[str]:
    """Return the names in a folder, sorted. Raise UsageError if it can't be read."""
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise UsageError(f"{escape_control(str(folder))} can't be read: {error.strerror}") from None


def _is_submission(path: Path, exercise_files: Sequence[str]) -> bool:
    """Tell whether an entry of a folder is a submission, by its name and kind."""
    if path.name.startswith(".") or is_skipped(path.name):
        return False
    if _is_link(path) or parse_course_name(path.name) or has_archive_suffix(path.name):
        return True
    if _is_folder(path):
        return not _is_grade_output(path, exercise_files)
    suffixes = _SUFFIXES | {PurePosixPath(name).suffix for name in exercise_files}
    return path.suffix.casefold() in suffixes or (not path.suffix and _begins(path, *MAGIC))


def _is_grade_output(folder: Path, exercise_files: Sequence[str]) -> bool:
    """Tell whether `labctl grade` wrote a folder. A folder with an exercise's file is none."""
    try:
        names = {path.name for path in folder.iterdir()}
    except OSError:
        return False
    return names >= _GRADE_OUTPUT and names.isdisjoint(exercise_files)


def _head(path: Path) -> bytes:
    """Return the first 1024 bytes of a regular file; nothing for anything else."""
    try:
        with open_regular(path) as file:
            return file.read(KIB)
    except (RefusalError, OSError):
        return b""


def _begins(path: Path, *magic: bytes) -> bool:
    """Tell whether a file begins with these bytes."""
    return _head(path).startswith(magic)


def _is_folder(path: Path) -> bool:
    """Tell whether this is a folder, and not a link to one."""
    return stat.S_ISDIR(_mode(path))


def _is_link(path: Path) -> bool:
    """Tell whether this is a symbolic link."""
    return stat.S_ISLNK(_mode(path))


def _mode(path: Path) -> int:
    """Return the mode from lstat; 0 if lstat fails, because reading reports the error later."""
    try:
        return path.lstat().st_mode
    except OSError:
        return 0


def _absolute(path: Path) -> Path:
    """Return a path without `..` (so that `.` has a name too); links are not followed."""
    return Path(os.path.abspath(path))  # noqa: PTH100 `resolve` follows links


def _by_student(paths: list[Path], exercise_files: Sequence[str]) -> Iterator[Submission]:
    """Yield submissions on disk. Files that a course system named are joined by student."""
    groups: dict[tuple[Path, str], list[tuple[CourseFileName, Path]]] = {}
    for path in paths:
        name = _absolute(path).name
        if parsed := parse_course_name(name):
            folder = _absolute(path).parent
            groups.setdefault((folder, parsed.id), []).append((parsed, path))
        else:
            student = name if _is_folder(path) else without_suffix(name)
            display_name = clean_name(student) or student_id(student)
            yield Submission(id=student_id(student), name=display_name, origin=path)
    for group in groups.values():
        yield from _of_one_student(group, exercise_files)


def _of_one_student(
    group: list[tuple[CourseFileName, Path]], exercise_files: Sequence[str]
) -> Iterator[Submission]:
    """Yield one submission for a student's files together, and one for each folder.

    If a student has two, `find_submissions` raises UsageError: somebody must choose.
    """
    group = [each for each in group if not each[0].is_text] or group
    student = group[0][0]
    for _, path in group:
        if _is_folder(path):
            yield Submission(id=student.id, name=student.name, origin=path)
    files = [(parsed, path) for parsed, path in group if not _is_folder(path)]
    if files:
        latest = latest_versions(files, exercise_files)
        origin = next(iter(latest.values()))
        store = FileStore(files=latest)
        yield Submission(id=student.id, name=student.name, origin=origin, store=store)


def _in_course_zip(path: Path, exercise_files: Sequence[str]) -> list[Submission]:
    """Return the submissions in a course's zip; none if the file is no such zip."""
    if not _begins(path, *MAGIC):
        return []
    try:
        names = zip_names(path)
    except (RefusalError, OSError):
        return []
    groups: dict[str, list[tuple[CourseFileName, str]]] = {}
    for name in names:
        top = name.partition("/")[0]
        if is_skipped(top):
            continue
        parsed = parse_course_name(top)
        if parsed is None:
            return []
        groups.setdefault(parsed.id, []).append((parsed, name))
    return [_of_members(path, group, exercise_files) for group in groups.values()]


def _of_members(
    archive: Path, group: list[tuple[CourseFileName, str]], exercise_files: Sequence[str]
) -> Submission:
    """Return the submission of one student, whose members of a course's zip are `group`."""
    group = [each for each in group if not each[0].is_text] or group
    student = group[0][0]
    files = latest_versions([each for each in group if "/" not in each[1]], exercise_files)
    inside = (name for _, name in group if "/" in name and not name.endswith("/"))
    members = {member: name for name, member in files.items()}
    members |= {name: name.partition("/")[2] for name in inside}
    store = CourseZipStore(archive=archive, members=members)
    return Submission(id=student.id, name=student.name, origin=archive, store=store)
