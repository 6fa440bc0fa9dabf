"""A class on one page, for teachers: how it went, what went wrong most, and every student.

Hidden parts are shown too: the page is not for students.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from statistics import median

from labctl.model.grade import ClassGrades, Grade, GradeState, Part
from labctl.report.grades.feedback import mark_html
from labctl.report.grades.points_table import (
    NO_POINTS,
    STATE_SIGNS,
    details_id,
    part_columns,
    part_kinds,
    points_table,
)
from labctl.report.grades.style import CLASS_STYLE
from labctl.report.grades.wording import format_number, format_points
from labctl.report.html import BREAK, EMPTY, Markup, html_page, join, tag
from labctl.text import escape_control, pluralize

LIMIT = 3_000_000
"""Bytes beyond which a page takes seconds to open on a phone."""

_TEXT_LIMITS = (300, 120, 60, 24)
"""Characters of each text of students: as many as the page has room for."""
_MISTAKES_LIMIT = 12
_NAMES_LIMIT = 12

# Browsers open the <details> around the target of a link, but not a target that is one itself.
_SCRIPT = """
function show() {
  const found = document.getElementById(location.hash.slice(1));
  for (let at = found; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  if (found) {
    found.scrollIntoView();
    const summary = found.querySelector("summary");
    if (summary) summary.focus({preventScroll: true});
  }
}
addEventListener("hashchange", show);
addEventListener("click", event => {
  const link = event.target.closest("a[href^='#']");
  if (link && link.hash === location.hash) show();
});
show();
"""


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A check that students failed in the same way. `students` are indices of the grades."""

    part: str
    title: str
    message: str
    students: tuple[int, ...]


def class_json(grades: ClassGrades) -> str:
    """Return the document `labctl-class/1`, ending in a newline."""
    return grades.model_dump_json(by_alias=True, indent=2) + "\n"


def common_mistakes(grades: ClassGrades) -> list[Mistake]:
    """Return all mistakes, those of the most students first."""
    students: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for number, grade in enumerate(grades.grades):
        for part in grade.parts:
            for mark in part.marks:
                key = (part.title, mark.title, mark.message or mark.actual)
                if not mark.full and part.state.has_points and number not in students[key]:
                    students[key].append(number)
    ranked = sorted(students.items(), key=lambda item: -len(item[1]))
    return [
        Mistake(part=part, title=title, message=message, students=tuple(numbers))
        for (part, title, message), numbers in ranked
        if numbers
    ]


def class_html(grades: ClassGrades) -> str:
    """Return the page; texts of students are cut as much as it takes to stay below `LIMIT`."""
    text = ""
    for limit in _TEXT_LIMITS:
        text = _page(grades, limit)
        if len(text.encode()) < LIMIT:
            break
    return text


def _page(grades: ClassGrades, limit: int) -> str:
    """Return the page of a class as HTML."""
    columns = part_columns(grades)
    details = (_student(n, grade, columns, limit) for n, grade in enumerate(grades.grades))
    return html_page(
        grades.title,
        tag("h1", grades.title),
        tag("p", f"{grades.exercise} · labctl {grades.labctl}", class_="soft"),
        _tiles(grades),
        _not_graded(grades),
        tag("h2", "Students and parts"),
        _legend(),
        _scrolling(points_table(grades, columns), "Points of every student"),
        *_mistakes(grades, limit),
        tag("h2", "Details"),
        *details,
        style=CLASS_STYLE,
        script=_SCRIPT,
    )


def _scrolling(table: Markup, label: str) -> Markup:
    """Return the table in a region that scrolls, which keys and screen readers can reach."""
    return tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=label)


def _tiles(grades: ClassGrades) -> Markup:
    """Return tiles with the numbers of the class."""
    scores = [grade.points for grade in grades.grades if grade.gradable]
    states = Counter(grade.state for grade in grades.grades)
    maximum = format_number(grades.max_points)
    middle = f"{format_number(median(scores))} of {maximum}" if scores else NO_POINTS
    facts = [("Handed in", str(len(grades.grades))), ("Median", middle)]
    facts += [(state.value.capitalize(), str(states[state])) for state in GradeState]
    tiles = (tag("div", tag("dt", name), tag("dd", value)) for name, value in facts)
    return tag("dl", *tiles, class_="tiles")


def _not_graded(grades: ClassGrades) -> Markup:
    """Return the list of submissions that a person has to look at: all but the graded ones."""
    items = [
        tag("li", _link(number, grade), f": {grade.state.value}", _state_reasons(grade))
        for number, grade in enumerate(grades.grades)
        if grade.state is not GradeState.GRADED
    ]
    if not items:
        return EMPTY
    return tag("section", tag("h2", "To look at"), tag("ul", *items, class_="card looks"))


def _state_reasons(grade: Grade) -> str:
    """Return why a grade has its state, in parentheses."""
    reasons = [grade.message, *(reason for part in grade.parts for reason in part.reasons)]
    text = "; ".join(filter(None, reasons))
    return escape_control(f" ({text})", limit=300) if text else ""


def _link(student: int, grade: Grade) -> Markup:
    """Return a student's name as a link to the details."""
    name = escape_control(grade.name or grade.id, limit=60)
    return tag("a", tag("bdi", name), href=f"#{details_id(student)}")


def _legend() -> Markup:
    """Return what the signs in the table mean."""
    signs = [
        f"{STATE_SIGNS[GradeState.TAMPERED]} tampered with",
        f"{STATE_SIGNS[GradeState.INCONCLUSIVE]} the machine was too busy",
        f"{STATE_SIGNS[GradeState.ERROR]} the lab broke",
        f"{STATE_SIGNS[GradeState.REFUSED]} refused",
        f"{NO_POINTS} no points",
    ]
    text = f"Points in each cell; follow one to its details. {', '.join(signs)}."
    return tag("p", text, class_="soft small")


def _mistakes(grades: ClassGrades, limit: int) -> list[Markup]:
    """Return a table of the most common mistakes."""
    shown = common_mistakes(grades)[:_MISTAKES_LIMIT]
    if not shown:
        return []
    titles = (tag("th", text, scope="col") for text in ("Missed by", "Check", "How"))
    rows = (_mistake_row(grades, mistake, limit) for mistake in shown)
    table = tag("table", tag("thead", tag("tr", *titles)), tag("tbody", *rows), class_="mistakes")
    return [tag("h2", "Commonest mistakes"), _scrolling(table, "Mistakes")]


def _mistake_row(grades: ClassGrades, mistake: Mistake, limit: int) -> Markup:
    """Return a mistake as a row of the table."""
    part, title, message = (
        escape_control(text, limit=limit) for text in (mistake.part, mistake.title, mistake.message)
    )
    return tag(
        "tr",
        tag("td", pluralize(len(mistake.students), "student"), class_="points"),
        tag("td", part, BREAK, title),
        tag("td", message, tag("div", *_student_links(grades, mistake.students))),
    )


def _student_links(grades: ClassGrades, students: tuple[int, ...]) -> list[Markup]:
    """Return links to students, as many as are shown."""
    shown = students[:_NAMES_LIMIT]
    links = [join(_link(number, grades.grades[number]), " ") for number in shown]
    more = len(students) - len(shown)
    return [*links, tag("span", f"and {more} more", class_="soft")] if more else links


def _student(number: int, grade: Grade, columns: list[Part], limit: int) -> Markup:
    """Return a student's details, to be opened."""
    points = format_points(grade.points, grade.max_points) if grade.gradable else "not graded"
    name = escape_control(grade.name or grade.id, limit=limit)
    student_id = escape_control(grade.id, limit=limit)
    summary = tag(
        "summary",
        tag("strong", tag("bdi", name)),
        f" · {student_id} · {points} · {grade.state.value}",
    )
    message = escape_control(grade.message, limit=limit)
    parts = (_part(details_id(number, part.name, columns), part, limit) for part in grade.parts)
    return tag(
        "details",
        summary,
        tag("p", message, class_="note") if message else "",
        *parts,
        class_="student",
        id=details_id(number),
    )


def _part(element_id: str, part: Part, limit: int) -> Markup:
    """Return the details of a part, to be opened."""
    facts = [format_points(part.points, part.max_points), *part_kinds(part)]
    facts += [part.state.value] if part.state is not GradeState.GRADED else []
    title = f"{escape_control(part.title, limit=limit)} · {', '.join(facts)}"
    missed = [mark_html(mark, limit) for mark in part.marks if not mark.full]
    reasons = (escape_control(reason, limit=limit) for reason in part.reasons)
    body = tag(
        "div",
        *(tag("p", reason, class_="note") for reason in reasons),
        tag("ul", *missed, class_="marks")
        if missed
        else tag("p", "All of it was right." if part.marks else "No marks."),
        _files(part),
    )
    return tag("details", tag("summary", title), body, class_="part", id=element_id)


def _files(part: Part) -> Markup:
    """Return the names of a part's evidence files."""
    names = filter(None, (part.evidence, part.capture))
    files = [join(tag("code", escape_control(name, limit=120)), " ") for name in names]
    return tag("p", "Evidence: ", *files, class_="small soft") if files else EMPTY
