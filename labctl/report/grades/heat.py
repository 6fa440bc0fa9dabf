"""The table of a class: a row for each student, a column for each part, points in the cells."""

from __future__ import annotations

from labctl.model.grade import ClassGrades, Grade, Part, State
from labctl.report.grades.words import number, points
from labctl.report.html import BREAK, Markup, join, tag
from labctl.text import escape_control

SIGNS = {State.GRADED: "", State.TAMPERED: "⚑", State.ERROR: "!", State.REFUSED: "✘"}
"""Beside the points, where there is more to know; so not by colour alone."""

NONE = "·"
"""In place of points, where there are none."""


def columns(grades: ClassGrades) -> list[Part]:
    """One part of each name, in the order in which they first come."""
    found: dict[str, Part] = {}
    for grade in grades.grades:
        for part in grade.parts:
            # Of a lab that broke there may be no marks, and so no maximum to show.
            if part.name not in found or not found[part.name].marks:
                found[part.name] = part
    return list(found.values())


def heat_map(grades: ClassGrades, shown: list[Part]) -> Markup:
    """The table; its cells lead to the details, of which `anchor` has the names."""
    head = tag(
        "tr",
        tag("th", "Student", scope="col"),
        tag("th", "All", _of(grades.max_points), scope="col"),
        *(_heading(part) for part in shown),
    )
    rows = [_row(place, grade, shown) for place, grade in enumerate(grades.grades)]
    return tag("table", tag("thead", head), tag("tbody", *rows), class_="heat")


def anchor(place: int, part: str = "", shown: list[Part] | None = None) -> str:
    """The name of a student's details, or of those of one part: numbers, never their words."""
    names = [column.name for column in shown or ()]
    return f"s{place}p{names.index(part)}" if part else f"s{place}"


def _heading(part: Part) -> Markup:
    kinds = [word for word, so in (("hidden", part.hidden), ("bonus", part.bonus)) if so]
    extra = join(BREAK, tag("span", ", ".join(kinds), class_="soft small")) if kinds else ""
    return tag("th", escape_control(part.title, limit=60), _of(part.max_points), extra, scope="col")


def _of(most: float) -> Markup:
    return join(BREAK, tag("span", f"of {number(most)}", class_="soft small"))


def _row(place: int, grade: Grade, shown: list[Part]) -> Markup:
    parts = {part.name: part for part in grade.parts}
    name = tag("a", tag("bdi", grade.name or grade.id), href=f"#{anchor(place)}", title=grade.id)
    cells = (_cell(place, column, parts.get(column.name), shown) for column in shown)
    return tag("tr", tag("th", name, scope="row"), _total(place, grade), *cells)


def _total(place: int, grade: Grade) -> Markup:
    text = f"{number(grade.points) if grade.gradable else NONE} {SIGNS[grade.state]}".strip()
    link = tag("a", text, href=f"#{anchor(place)}", title=grade.state.value)
    return tag("td", link, class_="total")


def _cell(place: int, column: Part, part: Part | None, shown: list[Part]) -> Markup:
    if part is None:
        return tag("td", NONE, class_="absent")
    value = NONE if part.state is State.ERROR else number(part.points)
    return tag(
        "td",
        tag(
            "a",
            f"{value} {SIGNS[part.state]}".strip(),
            href=f"#{anchor(place, column.name, shown)}",
            title=f"{points(part.points, part.max_points)}, {part.state.value}",
        ),
        class_=_level(part),
    )


def _level(part: Part) -> str:
    if part.state is State.ERROR:
        return "broke"
    share = part.points / part.max_points if part.max_points else 1.0
    if share <= 0:
        return "none"
    if share >= 1:
        return "all"
    return "some" if share < 1 / 3 else "half" if share < 2 / 3 else "most"
