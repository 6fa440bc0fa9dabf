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

from labctl.model.grade import ClassGrades, Grade, Mark
from labctl.report.grades.student import headline, part_remark, student_sentences, student_view
from labctl.report.grades.wording import format_number, format_points, mark_facts
from labctl.text import escape_control


@dataclass(frozen=True, kw_only=True)
class Person:
    """How the school's system names a student: a name for each of its fields.

    Where a field is empty, what the grade says is used.
    """

    moodle: str = ""
    email: str = ""
    canvas: str = ""
    sis: str = ""
    login: str = ""
    section: str = ""


Roster = Mapping[str, Person]
"""The people of a class by their ids in the grades."""

EMPTY_ROSTER: Roster = MappingProxyType({})

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


def moodle_csv(grades: ClassGrades, people: Roster = EMPTY_ROSTER) -> str:
    """Return the worksheet, with a byte order mark: Moodle drops it, and Excel needs it for names.

    A student's number in Moodle is looked for in `people`, then in the name of the folder that
    Moodle's "Download all submissions" made; else it is the student's id.
    """
    rows = (_moodle(grade, people.get(grade.id, Person())) for grade in grades.grades)
    return "\ufeff" + _csv([MOODLE, *rows])


def canvas_csv(
    grades: ClassGrades, people: Roster = EMPTY_ROSTER, assignment: int | None = None
) -> str:
    """Return the gradebook, without a byte order mark: Canvas does not drop one.

    `assignment` is the number that Canvas gave the assignment. Without it, Canvas puts the grades
    into the assignment of that title, and makes one if there is none. If `people` has no entry for
    a student, their id is used as SIS User ID and SIS Login ID; never as ID, which could be that of
    another student.
    """
    title = _CALCULATED.sub(lambda match: match[0].lower().strip(" ()"), csv_cell(grades.title))
    column = title if assignment is None else f"{title} ({assignment})"
    rows = (_canvas(grade, people.get(grade.id, Person())) for grade in grades.grades)
    possible = ("    Points Possible", "", "", "", "", format_number(grades.max_points))
    return _csv([(*CANVAS, column), possible, *rows])


def csv_cell(text: str) -> str:
    """Return the text as one line that neither a spreadsheet nor a CSV reader takes for more.

    A text that begins like a formula gets an apostrophe before it. PHP, which Moodle reads with,
    takes `\\"` for a quote within a field, so that a name could go on into the next column. So
    double quotes become single ones, and no text ends with a backslash.
    """
    line = escape_control(text, limit=2000).replace('"', "'").rstrip("\\")
    return f"'{line}" if line.lstrip().startswith(_FORMULA) else line


def _csv(rows: Iterable[Iterable[str]]) -> str:
    """Return rows as CSV."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerows(rows)
    return stream.getvalue()


def _moodle(grade: Grade, person: Person) -> tuple[str, ...]:
    """Return a grade as a row of Moodle's grading worksheet."""
    folder = _FOLDER.search(grade.submission)
    number = person.moodle or (folder[1] if folder else grade.id)
    return (
        csv_cell(f"Participant {number.removeprefix('Participant ')}"),
        csv_cell(grade.name),
        csv_cell(person.email),
        "",
        # Moodle skips what is above the maximum: a bonus beyond it would cost the whole grade.
        format_number(min(grade.points, grade.max_points)) if grade.gradable else "",
        format_number(grade.max_points),
        "Yes",
        "",
        "",
        _comment(student_view(grade)),
    )


def _canvas(grade: Grade, person: Person) -> tuple[str, ...]:
    """Return a grade as a row of Canvas's gradebook."""
    # Canvas reads the maximum from the row of whoever has this name.
    name = csv_cell(grade.name).replace("Points Possible", "Points possible")
    return (
        name,
        csv_cell(person.canvas),
        csv_cell(person.sis or grade.id),
        csv_cell(person.login or grade.id),
        csv_cell(person.section),
        format_number(grade.points) if grade.gradable else "",
    )


def _comment(grade: Grade) -> str:
    """Return the feedback comment: HTML, as Moodle wants it, on one line."""
    lines = [headline(grade), *student_sentences(grade)]
    if grade.gradable:
        for part in grade.parts:
            lines += [f"{part.title}: {format_points(part.points, part.max_points)}"]
            lines += [part_remark(part)] if part_remark(part) else []
            lines += [
                _missed_line(mark) for mark in part.marks if not mark.full and not part.hidden
            ]
    comment = "<br>".join(html.escape(escape_control(line, limit=1000)) for line in lines)
    return comment.replace("\\", "&#92;")


def _missed_line(mark: Mark) -> str:
    """Return a line about a mark that was missed."""
    facts = "; ".join(f"{heading}: {text}" for heading, text in mark_facts(mark, 200))
    return f"✘ {mark.title}: {facts}"
