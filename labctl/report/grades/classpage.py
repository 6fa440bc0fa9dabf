"""A class on one page, for teachers: how it went, what went wrong most, and every student.

Hidden parts are shown too: the page is not for students.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from statistics import median

from labctl.model.grade import ClassGrades, Grade, Part, State
from labctl.report.grades.feedback import mark_html
from labctl.report.grades.heat import NONE, SIGNS, anchor, columns, heat_map
from labctl.report.grades.style import CLASS
from labctl.report.grades.words import number, points
from labctl.report.html import BREAK, EMPTY, Markup, html_page, join, tag
from labctl.text import escape_control, pluralize

LIMIT = 3_000_000
"""Of more octets than this, a page takes seconds to open on a phone."""

_MOST_MISTAKES = 12
_MOST_NAMES = 12

# Browsers open <details> around what a link leads to, but not the one that it leads to.
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
    """A check that students failed in the same way; `places` are theirs among the grades."""

    part: str
    title: str
    message: str
    places: tuple[int, ...]


def class_json(grades: ClassGrades) -> str:
    """The document `labctl-class/1`, ending in a newline."""
    return grades.model_dump_json(by_alias=True, indent=2) + "\n"


def mistakes(grades: ClassGrades) -> list[Mistake]:
    """What was missed, by how many missed it."""
    found: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for place, grade in enumerate(grades.grades):
        for part in grade.parts:
            for mark in part.marks:
                key = (part.title, mark.title, mark.message or mark.actual)
                if not mark.full and part.state is not State.ERROR and place not in found[key]:
                    found[key].append(place)
    ranked = sorted(found.items(), key=lambda item: -len(item[1]))
    return [
        Mistake(part=part, title=title, message=message, places=tuple(places))
        for (part, title, message), places in ranked
        if places
    ]


def class_html(grades: ClassGrades) -> str:
    """The page; texts of students are cut as short as it takes to stay under LIMIT."""
    text = ""
    for most in (300, 120, 60, 24):
        text = _page(grades, most)
        if len(text.encode()) < LIMIT:
            break
    return text


def _page(grades: ClassGrades, most: int) -> str:
    shown = columns(grades)
    table = tag(
        "div", heat_map(grades, shown), class_="scroll", tabindex="0", role="region",
        aria_label="Points of every student",
    )  # fmt: skip
    details = [_student(place, grade, shown, most) for place, grade in enumerate(grades.grades)]
    return html_page(
        grades.title,
        tag("h1", grades.title),
        tag("p", f"{grades.exercise} · labctl {grades.labctl}", class_="soft"),
        _tiles(grades),
        _to_look_at(grades),
        tag("h2", "Students and parts"),
        _legend(),
        table,
        *_mistakes(grades, most),
        tag("h2", "Details"),
        *details,
        style=CLASS,
        script=_SCRIPT,
    )


def _tiles(grades: ClassGrades) -> Markup:
    scored = [grade.points for grade in grades.grades if grade.gradable]
    states = Counter(grade.state for grade in grades.grades)
    middle = f"{number(median(scored))} of {number(grades.max_points)}" if scored else NONE
    said = [("Handed in", str(len(grades.grades))), ("Median", middle)]
    said += [(state.value.capitalize(), str(states[state])) for state in State]
    return tag(
        "dl", *(tag("div", tag("dt", key), tag("dd", value)) for key, value in said), class_="tiles"
    )


def _to_look_at(grades: ClassGrades) -> Markup:
    """Who needs a person: all but those that were simply graded."""
    listed = [
        tag("li", _link(place, grade), f": {grade.state.value}", _because(grade))
        for place, grade in enumerate(grades.grades)
        if grade.state is not State.GRADED
    ]
    if not listed:
        return EMPTY
    return tag("section", tag("h2", "To look at"), tag("ul", *listed, class_="card looks"))


def _because(grade: Grade) -> str:
    reasons = [grade.message, *(reason for part in grade.parts for reason in part.reasons)]
    said = "; ".join(reason for reason in reasons if reason)
    return escape_control(f" ({said})", limit=300) if said else ""


def _link(place: int, grade: Grade) -> Markup:
    return tag(
        "a", tag("bdi", escape_control(grade.name or grade.id, limit=60)), href=f"#{anchor(place)}"
    )


def _legend() -> Markup:
    said = [
        f"{SIGNS[State.TAMPERED]} tampered with",
        f"{SIGNS[State.ERROR]} the lab broke",
        f"{SIGNS[State.REFUSED]} refused",
        f"{NONE} no points",
    ]
    return tag(
        "p", f"Points in each cell; follow one to its details. {', '.join(said)}.",
        class_="soft small",
    )  # fmt: skip


def _mistakes(grades: ClassGrades, most: int) -> list[Markup]:
    found = mistakes(grades)[:_MOST_MISTAKES]
    if not found:
        return []
    head = tag("tr", *(tag("th", text, scope="col") for text in ("Missed by", "Check", "How")))
    rows = [
        tag(
            "tr",
            tag("td", pluralize(len(mistake.places), "student"), class_="points"),
            tag(
                "td",
                escape_control(mistake.part, limit=most),
                BREAK,
                escape_control(mistake.title, limit=most),
            ),
            tag(
                "td",
                escape_control(mistake.message, limit=most),
                tag("div", *_who(grades, mistake)),
            ),
        )
        for mistake in found
    ]
    table = tag("table", tag("thead", head), tag("tbody", *rows), class_="mistakes")
    region = tag("div", table, class_="scroll", tabindex="0", role="region", aria_label="Mistakes")
    return [tag("h2", "Commonest mistakes"), region]


def _who(grades: ClassGrades, mistake: Mistake) -> list[Markup]:
    named = mistake.places[:_MOST_NAMES]
    said = [join(_link(place, grades.grades[place]), " ") for place in named]
    more = len(mistake.places) - len(named)
    return [*said, tag("span", f"and {more} more", class_="soft")] if more else said


def _student(place: int, grade: Grade, shown: list[Part], most: int) -> Markup:
    worth = points(grade.points, grade.max_points) if grade.gradable else "not graded"
    head = tag(
        "summary",
        tag("strong", tag("bdi", escape_control(grade.name or grade.id, limit=most))),
        f" · {escape_control(grade.id, limit=most)} · {worth} · {grade.state.value}",
    )
    message = (
        tag("p", escape_control(grade.message, limit=most), class_="note") if grade.message else ""
    )
    parts = (_part(anchor(place, part.name, shown), part, most) for part in grade.parts)
    return tag("details", head, message, *parts, class_="student", id=anchor(place))


def _part(name: str, part: Part, most: int) -> Markup:
    kinds = [word for word, so in (("hidden", part.hidden), ("bonus", part.bonus)) if so]
    kinds += [part.state.value] if part.state is not State.GRADED else []
    said = ", ".join([points(part.points, part.max_points), *kinds])
    missed = [mark for mark in part.marks if not mark.full]
    reasons = [
        tag("p", escape_control(reason, limit=most), class_="note") for reason in part.reasons
    ]
    marks = tag("ul", *(mark_html(mark, most) for mark in missed), class_="marks")
    files = [
        tag("code", escape_control(file, limit=120))
        for file in (part.evidence, part.capture)
        if file
    ]
    body = tag(
        "div",
        *reasons,
        marks if missed else tag("p", "All of it was right." if part.marks else "No marks."),
        tag("p", "Evidence: ", *(join(file, " ") for file in files), class_="small soft")
        if files
        else "",
    )
    summary = tag("summary", f"{escape_control(part.title, limit=most)} · {said}")
    return tag("details", summary, body, class_="part", id=name)
