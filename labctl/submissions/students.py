"""The students of submissions, by the file names of course systems (Moodle and Canvas)."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, TypeVar

from labctl.submissions.reading import ARCHIVE_SUFFIXES

T = TypeVar("T")

_MOODLE: Final = re.compile(
    r"(?P<name>.+?)_(?P<id>\d{1,20})_assignsubmission_(?P<kind>file|onlinetext)(?:_(?P<rest>.*))?",
    re.DOTALL,
)
_CANVAS: Final = re.compile(
    r"(?P<name>[^_/]+)(?:_LATE)?_(?P<id>\d{1,20})_(?P<hand_in>\d{1,20})_(?P<rest>.+)", re.DOTALL
)
_RESUBMITTED: Final = re.compile(r"(?P<stem>.+)-(?P<number>\d{1,4})(?P<suffix>\.[^.-]+)", re.DOTALL)
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._@-]+")
_MAX_LENGTH: Final = 80
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of characters that are invisible, or change the direction of a text."""


@dataclass(frozen=True, kw_only=True)
class CourseFileName:
    """The parts of a file name that a course system made.

    `id` and `name` are the student's. `rest` is the student's own name of the file; empty for a
    folder of the student's files. `order` is larger for the later of two files of one name.
    `is_text` means a text that was typed into the course system, which counts only if there is
    nothing else. `is_numbered` means that `-1` or `-2` before the suffix marks a file that was
    handed in again.
    """

    id: str
    name: str
    rest: str
    order: int = 0
    is_text: bool = False
    is_numbered: bool = False


def parse_course_name(name: str) -> CourseFileName | None:
    """Return the parts of a name that Moodle or Canvas made; None for any other name."""
    if match := _MOODLE.fullmatch(name):
        return CourseFileName(
            id=match["id"],
            name=clean_name(match["name"]) or match["id"],
            rest=match["rest"] or "",
            is_text=match["kind"] == "onlinetext",
        )
    if match := _CANVAS.fullmatch(name):
        return CourseFileName(
            id=match["id"],
            name=clean_name(match["name"]) or match["id"],
            rest=match["rest"],
            order=int(match["hand_in"]),
            is_numbered=True,
        )
    return None


def latest_versions(
    files: Iterable[tuple[CourseFileName, T]], exercise_files: Sequence[str]
) -> dict[str, T]:
    """Return a student's files by the student's own names; of several versions, the latest."""
    latest: dict[str, tuple[tuple[int, int], T]] = {}
    for parsed, file in files:
        name, number = _version(parsed, exercise_files)
        order = (number, parsed.order)
        if name not in latest or latest[name][0] < order:
            latest[name] = (order, file)
    return {name: file for name, (_, file) in latest.items()}


def _version(parsed: CourseFileName, exercise_files: Sequence[str]) -> tuple[str, int]:
    """Return a file's name and version: `client.py` and 2 for Canvas's `client-2.py`.

    If the exercise asks for a file called `client-2.py`, that is the name, and the version is 0.
    """
    match = _RESUBMITTED.fullmatch(parsed.rest)
    if not parsed.is_numbered or parsed.rest in exercise_files or match is None:
        return parsed.rest, 0
    return match["stem"] + match["suffix"], int(match["number"])


def clean_name(text: str) -> str:
    """Return a student's name without invisible characters, its spaces joined."""
    kept = (" " if c.isspace() else c for c in text if c.isspace() or not _is_invisible(c))
    return " ".join("".join(kept).split())


def _is_invisible(char: str) -> bool:
    """Tell whether a character can't be seen."""
    return unicodedata.category(char) in _INVISIBLE


def student_id(name: str) -> str:
    """Return an id for any name, 1 to 80 characters of `A-Za-z0-9._@-`.

    `Zoë Li` becomes `Zoe_Li`. If letters are lost, a digest of the name is added, so that ids
    differ: `李` becomes `id-` and eight hex digits.
    """
    plain = unicodedata.normalize("NFKD", "_".join(clean_name(name).split()))
    ascii_only = "".join(char for char in plain if not unicodedata.combining(char))
    safe = _UNSAFE.sub("-", ascii_only).lstrip(".-")
    if safe == ascii_only and 0 < len(safe) <= _MAX_LENGTH:
        return safe
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{safe.rstrip('-')[: _MAX_LENGTH - 9] or 'id'}-{digest}"


def without_suffix(name: str) -> str:
    """Return the name of a file without its suffix, or of an archive without `.tar.gz` or so."""
    for suffix in ARCHIVE_SUFFIXES:
        if name.casefold().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return PurePosixPath(name).stem
