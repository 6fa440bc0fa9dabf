"""Readers that take what the documentation of each system allows, and nothing else.

Gradescope: https://gradescope-autograders.readthedocs.io/en/latest/specs/
PrairieLearn: https://prairielearn.readthedocs.io/en/latest/externalGrading/#grading-results
Moodle: mod/assign/feedback/offline/importgradeslib.php, locallib.php, and PHP's fgetcsv
Canvas: lib/gradebook_importer.rb
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]
VISIBILITY = ("hidden", "after_due_date", "after_published", "visible")
FORMATS = ("text", "html", "simple_format", "md", "ansi")
FORMULA = re.compile(r"\s*[=+\-@\t\r＝＋－＠]")  # noqa: RUF001


class Unreadable(Exception):
    """The system would not take it."""


class Failed(Exception):
    """Gradescope says that the autograder failed: no score."""


def _no(constant: str) -> float:
    raise Unreadable(f"{constant} is not JSON")


def _object(text: str) -> Document:
    found = json.loads(text, parse_constant=_no)
    if not isinstance(found, dict):
        raise Unreadable("not an object")
    return found


def _text(value: object) -> bool:
    return isinstance(value, str)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _fits(found: object, checks: dict[str, Any], required: tuple[str, ...] = ()) -> Document:
    if not isinstance(found, dict):
        raise Unreadable(f"not an object: {found!r}")
    for key, value in found.items():
        if key not in checks or not checks[key](value):
            raise Unreadable(f"{key}: {value!r}")
    if missing := [key for key in required if key not in found]:
        raise Unreadable(f"without {missing}")
    return found


_TEST = {
    "score": _number,
    "max_score": _number,
    "status": ("passed", "failed").__contains__,
    "name": _text,
    "name_format": FORMATS.__contains__,
    "number": _text,
    "output": _text,
    "output_format": FORMATS.__contains__,
    "tags": _texts,
    "visibility": VISIBILITY.__contains__,
    "extra_data": lambda value: isinstance(value, dict),
}
_GRADESCOPE = {
    "score": _number,
    "execution_time": _number,
    "output": _text,
    "output_format": FORMATS.__contains__,
    "test_output_format": FORMATS.__contains__,
    "test_name_format": FORMATS.__contains__,
    "visibility": VISIBILITY.__contains__,
    "stdout_visibility": VISIBILITY.__contains__,
    "extra_data": lambda value: isinstance(value, dict),
    "tests": lambda value: isinstance(value, list),
}


def gradescope(text: str) -> Document:
    found = _fits(_object(text), _GRADESCOPE)
    tests = [_fits(test, _TEST) for test in found.get("tests", [])]
    if "score" not in found and not (tests and all("score" in test for test in tests)):
        raise Failed("neither a score nor tests with scores")
    return found


def shown_by_gradescope(text: str) -> str:
    """All that a student is shown, ever; everything that may be shown later counts."""
    found = _object(text)
    said = [found["output"]] if found["visibility"] != "hidden" else []
    if found["stdout_visibility"] != "hidden":
        raise Unreadable("what the grader prints is shown")
    tests = [test for test in found.get("tests", []) if test["visibility"] != "hidden"]
    return json.dumps([said, tests, found["extra_data"]], ensure_ascii=False)


_PRAIRIE_TEST = {
    "name": _text,
    "description": _text,
    "points": _number,
    "max_points": _number,
    "message": _text,
    "output": _text,
}
_PRAIRIE = {
    "gradable": lambda value: isinstance(value, bool),
    "score": lambda value: _number(value) and 0 <= value <= 1,
    "message": _text,
    "output": _text,
    "format_errors": lambda value: _text(value) or _texts(value),
    "tests": lambda value: isinstance(value, list),
}


def prairielearn(text: str) -> Document:
    if len(text.encode()) > 1_000_000:
        raise Unreadable("more than a megabyte")
    found = _fits(_object(text), _PRAIRIE)
    if found.get("gradable", True) and "score" not in found:
        raise Unreadable("gradable, without a score")
    if found.get("gradable", True) and "format_errors" in found:
        raise Unreadable("format errors of what is gradable")
    for test in found.get("tests", []):
        _fits(test, _PRAIRIE_TEST, ("name", "points", "max_points"))
    return found


def _rows(text: str) -> list[list[str]]:
    if text.replace("\r\n", "").count("\n") or text.replace("\r\n", "").count("\r"):
        raise Unreadable("a line end inside of a cell, or one that is not CRLF")
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    for row in rows:
        if bad := [cell for cell in row if FORMULA.match(cell)]:
            raise Unreadable(f"formulas: {bad}")
        if len(row) != len(rows[0]):
            raise Unreadable(f"{len(row)} cells: {row}")
    return rows


def _php(line: str) -> list[str]:
    """A line as PHP's fgetcsv reads it, to which a backslash keeps a quote inside of a field."""
    fields, field, quoted, at = [], "", False, 0
    while at < len(line):
        char = line[at]
        if quoted and line[at : at + 2] in ('\\"', '""'):
            field += line[at : at + 2] if char == "\\" else '"'
            at += 1
        elif char == '"':
            quoted = not quoted
        elif char == "," and not quoted:
            fields.append(field)
            field = ""
        else:
            field += char
        at += 1
    return [*fields, field]


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What became of one row: `grade` is None where the grade stays as it was."""

    who: str
    grade: float | None
    comment: str = ""


def moodle(text: str, most: float) -> list[Imported]:
    """What an assignment worth `most` takes in."""
    text = text.removeprefix("\ufeff")
    _rows(text)
    header, *rows = (_php(line) for line in text.split("\r\n") if line)
    if any(len(row) != len(header) for row in rows):
        raise Unreadable("weird columns")
    index = {name: place for place, name in enumerate(header)}
    if missing := {"Identifier", "Grade", "Last modified (grade)"} - set(index):
        raise Unreadable(f"without {missing}")
    return [_moodle_row(row, index, most) for row in rows]


def _moodle_row(row: list[str], index: dict[str, int], most: float) -> Imported:
    written = row[index["Grade"]].strip()
    grade = float(written) if written else None
    return Imported(
        who=row[index["Identifier"]][len("Participant ") :],
        grade=grade if grade is not None and 0 <= grade <= most else None,
        comment=row[index["Feedback comments"]],
    )


@dataclass(frozen=True, kw_only=True)
class Gradebook:
    assignment: str
    number: int | None
    possible: float
    rows: list[tuple[str, str, str, str, str | None]]
    """Name, ID, SIS User ID, SIS Login ID, grade."""


def canvas(text: str) -> Gradebook:
    """The one assignment of the file."""
    if text.startswith("\ufeff"):
        raise Unreadable("a byte order mark becomes part of the first heading")
    header, *rows = _rows(text)
    if header[:5] != ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]:
        raise Unreadable(f"no header row: {header}")
    calculated = re.compile("(Current|Final) (Score|Points|Grade)|Override (Score|Grade|Status)")
    columns = [title for title in header[5:] if not calculated.search(title)]
    if len(columns) != 1:
        raise Unreadable(f"assignments: {columns}")
    named = re.fullmatch(r"(.*)\s\((\d+)\)", columns[0])
    possible = [row[5] for row in rows if "Points Possible" in row[0]]
    if len(possible) != 1:
        raise Unreadable(f"points possible: {possible}")
    return Gradebook(
        assignment=named[1] if named else columns[0],
        number=int(named[2]) if named else None,
        possible=float(possible[0]),
        rows=[
            (row[0], row[1], row[2], row[3], row[5] or None)
            for row in rows
            if "Points Possible" not in row[0]
        ],
    )
