"""Grades as CSV: the offline grading worksheet of Moodle, the gradebook of Canvas.

What they read is in their sources: Moodle's `mod/assign/feedback/offline/importgradeslib.php` and
`locallib.php`, Canvas's `lib/gradebook_importer.rb`. Write both as UTF-8 with `newline=""`.
"""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from labctl.model.grade import ClassGrades, Grade
from labctl.report.grades.student import explained, for_student, headline, remark
from labctl.report.grades.words import number, points, told
from labctl.text import escape_control


@dataclass(frozen=True, kw_only=True)
class Person:
    """What the school's system calls a student: what is empty is taken from the grade."""

    moodle: str = ""
    email: str = ""
    canvas: str = ""
    sis: str = ""
    login: str = ""
    section: str = ""


Roster = Mapping[str, Person]
"""By the student's id."""

NOBODY: Roster = MappingProxyType({})

MOODLE = (
    "Identifier",
    "Full name",
    "Email address",
    "Status",
    "Grade",
    "Maximum grade",
    "Grade can be changed",
    "Last modified (submission)",
    "Last modified (grade)",
    "Feedback comments",
)
CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")

_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001 (spreadsheets take these for the others)
_FOLDER = re.compile(r"_(\d+)_assignsubmission_")
_CALCULATED = re.compile(
    r"(Current|Final|Override) (Score|Points|Grade|Status)|\((\d+)\)\s*$|Points Possible"
)


def moodle_csv(grades: ClassGrades, people: Roster = NOBODY) -> str:
    """The worksheet, with a byte order mark: Moodle drops it, and Excel needs it for names.

    A student's number in Moodle comes from `people`, or from the name of the folder that Moodle's
    "Download all submissions" made, or is the student's id.
    """
    rows = (_moodle(grade, people.get(grade.id, Person())) for grade in grades.grades)
    return "\ufeff" + _csv([MOODLE, *rows])


def canvas_csv(grades: ClassGrades, people: Roster = NOBODY, assignment: int | None = None) -> str:
    """The gradebook, without a byte order mark: Canvas does not drop one.

    Where nothing else is known, the student's id stands for SIS User ID and SIS Login ID; never
    for ID, which could be another student's. With the number of the assignment in Canvas, grades
    go there; without, to the one of that title, or to a new one.
    """
    title = _CALCULATED.sub(lambda found: found[0].lower().strip(" ()"), cell(grades.title))
    column = title if assignment is None else f"{title} ({assignment})"
    rows = (_canvas(grade, people.get(grade.id, Person())) for grade in grades.grades)
    possible = ("    Points Possible", "", "", "", "", number(grades.max_points))
    return _csv([(*CANVAS, column), possible, *rows])


def cell(text: str) -> str:
    """The text on one line, such that no spreadsheet and no reader takes it for more than text.

    What begins like a formula gets an apostrophe. PHP, which Moodle reads with, takes `\\"` for a
    quote inside of a field, so that a name could go on into the next column: there are no quotes,
    and no backslash at the end.
    """
    line = escape_control(text, limit=2000).replace('"', "'").rstrip("\\")
    return f"'{line}" if line.lstrip().startswith(_FORMULA) else line


def _csv(rows: Iterable[Iterable[str]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerows(rows)
    return stream.getvalue()


def _moodle(grade: Grade, person: Person) -> tuple[str, ...]:
    found = _FOLDER.search(grade.submission)
    name = person.moodle or (found[1] if found else grade.id)
    return (
        cell(f"Participant {name.removeprefix('Participant ')}"),
        cell(grade.name),
        cell(person.email),
        "",
        # Moodle skips what is above the maximum: a bonus beyond it would cost the whole grade.
        number(min(grade.points, grade.max_points)) if grade.gradable else "",
        number(grade.max_points),
        "Yes",
        "",
        "",
        _comment(for_student(grade)),
    )


def _canvas(grade: Grade, person: Person) -> tuple[str, ...]:
    # In the row of somebody called so, Canvas would find the points that there are.
    name = cell(grade.name).replace("Points Possible", "Points possible")
    return (
        name,
        cell(person.canvas),
        cell(person.sis or grade.id),
        cell(person.login or grade.id),
        cell(person.section),
        number(grade.points) if grade.gradable else "",
    )


def _comment(grade: Grade) -> str:
    """HTML, as which Moodle takes comments, on one line."""
    lines = [headline(grade), *explained(grade)]
    if grade.gradable:
        for part in grade.parts:
            lines += [f"{part.title}: {points(part.points, part.max_points)}"]
            lines += [remark(part)] if remark(part) else []
            lines += [
                f"✘ {mark.title}: " + "; ".join(f"{what}: {text}" for what, text in told(mark, 200))
                for mark in part.marks
                if not mark.full and not part.hidden
            ]
    said = "<br>".join(html.escape(escape_control(line, limit=1000)) for line in lines)
    return said.replace("\\", "&#92;")
