"""Who a submission is of, by the names that course systems give to what they let download."""

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
_AGAIN: Final = re.compile(r"(?P<stem>.+)-(?P<number>\d{1,4})(?P<suffix>\.[^.-]+)", re.DOTALL)
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._@-]+")
_LONGEST: Final = 80
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of what turns a name around, or isn't seen."""


@dataclass(frozen=True, kw_only=True)
class HandedIn:
    """A name of a course system taken apart.

    `rest` is what the student called the file; empty where it is a folder of the student's.
    `order` tells the later of two files that were handed in under the same name. `is_text` for
    what was typed into the course system: it counts only where there is nothing else.
    `is_numbered` where `-1`, `-2` before the suffix tells a file that was handed in again.
    """

    id: str
    name: str
    rest: str
    order: int = 0
    is_text: bool = False
    is_numbered: bool = False


def course_name(name: str) -> HandedIn | None:
    """What Moodle or Canvas say by such a name; None where it isn't of theirs."""
    if found := _MOODLE.fullmatch(name):
        return HandedIn(
            id=found["id"],
            name=clean_name(found["name"]) or found["id"],
            rest=found["rest"] or "",
            is_text=found["kind"] == "onlinetext",
        )
    if found := _CANVAS.fullmatch(name):
        return HandedIn(
            id=found["id"],
            name=clean_name(found["name"]) or found["id"],
            rest=found["rest"],
            order=int(found["hand_in"]),
            is_numbered=True,
        )
    return None


def latest(handed_in: Iterable[tuple[HandedIn, T]], wanted: Sequence[str]) -> dict[str, T]:
    """What a student's files are, by name: of those handed in again, the last."""
    found: dict[str, tuple[tuple[int, int], T]] = {}
    for each, thing in handed_in:
        name, number = _numbered(each, wanted)
        order = (number, each.order)
        if name not in found or found[name][0] < order:
            found[name] = (order, thing)
    return {name: thing for name, (_, thing) in found.items()}


def _numbered(each: HandedIn, wanted: Sequence[str]) -> tuple[str, int]:
    """`client.py` and 2 for Canvas's `client-2.py`, unless that itself is asked for."""
    found = _AGAIN.fullmatch(each.rest)
    if not each.is_numbered or each.rest in wanted or found is None:
        return each.rest, 0
    return found["stem"] + found["suffix"], int(found["number"])


def clean_name(text: str) -> str:
    """A name as people write it, without characters that control how text is shown."""
    kept = (" " if c.isspace() else c for c in text if c.isspace() or not _is_invisible(c))
    return " ".join("".join(kept).split())


def _is_invisible(char: str) -> bool:
    return unicodedata.category(char) in _INVISIBLE


def id_of(name: str) -> str:
    """An id made from any name. Where letters are lost, a digest of the name tells it from others:
    `Zoë Li` is `Zoe_Li`, and `李` is `id-` and eight digits.
    """
    plain = unicodedata.normalize("NFKD", "_".join(clean_name(name).split()))
    ascii_only = "".join(char for char in plain if not unicodedata.combining(char))
    fitting = _UNSAFE.sub("-", ascii_only).lstrip(".-")
    if fitting == ascii_only and 0 < len(fitting) <= _LONGEST:
        return fitting
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{fitting.rstrip('-')[: _LONGEST - 9] or 'id'}-{digest}"


def without_suffix(name: str) -> str:
    """The name of a file or archive without what says which kind it is."""
    for suffix in ARCHIVE_SUFFIXES:
        if name.casefold().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return PurePosixPath(name).stem
