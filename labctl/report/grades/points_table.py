"""The table of a class as HTML: a row for each student, a column for each part, and points."""

from __future__ import annotations

from labctl.model.grade import ClassGrades, Grade, GradeState, Part
from labctl.report.grades.wording import format_number, format_points
from labctl.report.html import BREAK, Markup, join, tag
from labctl.text import escape_control

STATE_SIGNS = {
    GradeState.GRADED: "",
    GradeState.TAMPERED: "⚑",
    GradeState.INCONCLUSIVE: "?",
    GradeState.ERROR: "!",
    GradeState.REFUSED: "✘",
}
"""Signs beside the points, so that colour alone never says what state they are in."""

NO_POINTS = "·"
"""Stands in place of points where there are none."""


def part_columns(grades: ClassGrades) -> list[Part]:
    """Return one part of each name, as the columns of the table, in order of appearance."""
    columns: dict[str, Part] = {}
    for grade in grades.grades:
        for part in grade.parts:
            # If the lab broke, a part may have no marks, and so no maximum to show.
            if part.name not in columns or not columns[part.name].marks:
                columns[part.name] = part
    return list(columns.values())


def points_table(grades: ClassGrades, columns: list[Part]) -> Markup:
    """Return the HTML table: a row for each student, a column for each part. Each cell is a link to
    the element whose id `details_id` returns.
    """
    head = tag(
        "tr",
        tag("th", "Student", scope="col"),
        tag("th", "All", _maximum(grades.max_points), scope="col"),
        *(_heading(part) for part in columns),
    )
    rows = [_row(number, grade, columns) for number, grade in enumerate(grades.grades)]
    return tag("table", tag("thead", head), tag("tbody", *rows), class_="heat")


def details_id(student: int, part: str = "", columns: list[Part] | None = None) -> str:
    """Return the id of the element with a student's details, or with those of one part.

    `student` is an index of the grades. An id has numbers only, and nothing that students wrote.
    """
    names = [column.name for column in columns or ()]
    return f"s{student}p{names.index(part)}" if part else f"s{student}"


def part_kinds(part: Part) -> list[str]:
    """Return the words for what sets a part apart: `hidden`, `bonus`."""
    return [word for word, applies in (("hidden", part.hidden), ("bonus", part.bonus)) if applies]


def _heading(part: Part) -> Markup:
    """Return the head of a part's column."""
    kinds = part_kinds(part)
    note = join(BREAK, tag("span", ", ".join(kinds), class_="soft small")) if kinds else ""
    title = escape_control(part.title, limit=60)
    return tag("th", title, _maximum(part.max_points), note, scope="col")


def _maximum(points: float) -> Markup:
    """Return the most points, as a small line."""
    return join(BREAK, tag("span", f"of {format_number(points)}", class_="soft small"))


def _row(student: int, grade: Grade, columns: list[Part]) -> Markup:
    """Return a student's row."""
    parts = {part.name: part for part in grade.parts}
    name = tag("bdi", grade.name or grade.id)
    link = tag("a", name, href=f"#{details_id(student)}", title=grade.id)
    cells = (_cell(student, column, parts.get(column.name), columns) for column in columns)
    return tag("tr", tag("th", link, scope="row"), _total(student, grade), *cells)


def _total(student: int, grade: Grade) -> Markup:
    """Return the cell with a student's points in all."""
    points = format_number(grade.points) if grade.gradable else NO_POINTS
    text = f"{points} {STATE_SIGNS[grade.state]}".strip()
    link = tag("a", text, href=f"#{details_id(student)}", title=grade.state.value)
    return tag("td", link, class_="total")


def _cell(student: int, column: Part, part: Part | None, columns: list[Part]) -> Markup:
    """Return the cell with a student's points for a part."""
    if part is None:
        return tag("td", NO_POINTS, class_="absent")
    points = format_number(part.points) if part.state.has_points else NO_POINTS
    link = tag(
        "a",
        f"{points} {STATE_SIGNS[part.state]}".strip(),
        href=f"#{details_id(student, column.name, columns)}",
        title=f"{format_points(part.points, part.max_points)}, {part.state.value}",
    )
    return tag("td", link, class_=_colour_class(part))


def _colour_class(part: Part) -> str:
    """Return the CSS class for the share of the points that was reached."""
    if not part.state.has_points:
        return "broke"
    share = part.points / part.max_points if part.max_points else 1.0
    if share <= 0:
        return "none"
    if share >= 1:
        return "all"
    return "some" if share < 1 / 3 else "half" if share < 2 / 3 else "most"
