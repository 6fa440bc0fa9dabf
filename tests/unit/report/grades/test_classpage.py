"""The page of a class, and its document."""

from __future__ import annotations

import re

import pytest

from labctl.model.grade import ClassGrades
from labctl.report.grades.class_page import LIMIT, class_html, class_json, common_mistakes
from labctl.report.grades.wording import format_number, format_points
from tests.unit.report.grades.samples import (
    BONUS,
    BROKE,
    BROKEN,
    BUSY,
    FULL,
    HIDDEN,
    HOSTILE,
    MISSED,
    PREDICT,
    RUN,
    STARVED,
    STATES,
    classroom,
    grade,
    hostile,
    mark,
)
from tests.unit.report.grades.test_feedback import ALLOWED, Page

GRADES = classroom(*STATES)
TABLE = {"table", "thead", "tbody", "tr", "th", "td", "br"}
MORE = TABLE | {"a", "details", "summary", "script", "h2"}


class ClassPage(Page):
    """A page, with its table as text."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attrs)
        if tag == "br":
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.said += f"{data}\n" if self.open[-1] in ("a", "td", "th", "dd", "dt") else data


def row(page: str, place: int) -> list[str]:
    """The cells of a student."""
    body = page.split("<tbody>")[1].split("</tbody>", maxsplit=1)[0]
    found = re.findall(r"<t[dh].*?</t[dh]>", body.split("<tr>")[place + 1])
    return [re.sub("<.*?>", "", cell) for cell in found]


def test_the_document_reads_back_the_same() -> None:
    text = class_json(GRADES)
    assert ClassGrades.model_validate_json(text) == GRADES
    assert '"schema": "labctl-class/1"' in text
    assert text.endswith("}\n")


def test_the_summary_counts() -> None:
    said = ClassPage(class_html(classroom(*STATES, FULL))).said
    for key, value in {
        "Handed in": "6",
        # 5, 0, 2, 5; what broke, or met a busy machine, has no points.
        "Median": "3.5 of 7",
        "Graded": "2",
        "Refused": "1",
        "Tampered": "1",
        "Error": "1",
        "Inconclusive": "1",
    }.items():
        assert f"{key}\n{value}\n" in said


def test_of_nobody_there_is_a_page_too() -> None:
    assert "Handed in\n0\nMedian\n·" in ClassPage(class_html(classroom())).said


def test_cells_have_points_and_signs_and_lead_to_details() -> None:
    page = class_html(classroom(FULL, grade(PREDICT), BROKE, BUSY))
    assert row(page, 0) == ["Ada Lovelace", "5", "1", "1", "2", "1"]
    assert row(page, 1) == ["Ada Lovelace", "1", "1", "·", "·", "·"]
    assert row(page, 2) == ["Ada Lovelace", "· !", "1", "· !", "·", "·"]
    assert row(page, 3) == ["Ada Lovelace", "· ?", "1", "· ?", "·", "·"]
    links = set(re.findall(r'href="#(\w+)"', page))
    names = re.findall(r' id="(\w+)"', page)
    assert links == set(names)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("scored", "level"),
    [(0, "none"), (1, "some"), (2, "half"), (3, "most"), (4, "all"), (5, "all")],
)
def test_colour_goes_by_share(scored: float, level: str) -> None:
    part = PREDICT.model_copy(update={"marks": (mark("m", scored, 4),)})
    assert f'<td class="{level}">' in class_html(classroom(grade(part)))


def test_what_went_wrong_most_comes_first() -> None:
    other = RUN.model_copy(update={"marks": (MISSED.model_copy(update={"message": "other"}),)})
    broken = BROKEN.model_copy(update={"marks": RUN.marks})
    starved = STARVED.model_copy(update={"marks": RUN.marks})
    grades = (grade(other), grade(RUN, RUN), grade(broken, starved), grade(RUN))
    found = common_mistakes(classroom(*grades))
    assert [(one.message, one.students) for one in found] == [
        ("it gave up after the first", (1, 3)),
        ("other", (0,)),
    ]


def test_teachers_see_what_is_hidden_and_why_something_needs_them() -> None:
    said = ClassPage(class_html(classroom(*STATES, grade(HIDDEN)))).said
    assert "A slow server" in said
    assert "it hung" in said
    assert "report and wire of client/refused disagree; the report says 3" in said
    assert "dockerd: no space left" in said
    assert "client-refused.json" in said


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    made = class_html(classroom(hostile(text), FULL).model_copy(update={"title": text}))
    page = ClassPage(made)
    assert set(page.tags) <= ALLOWED | MORE
    assert not any(name.startswith("on") for name in page.attributes)
    assert made.count("<script>") == 1
    assert page.open == []
    assert all(char.isprintable() or char == "\n" for char in made)


def test_the_page_loads_nothing_and_runs_only_its_own_script() -> None:
    made = class_html(GRADES)
    assert "default-src 'none'" in made
    assert "unsafe" not in made
    assert set(re.findall(r'(?:src|href)="(.)', made)) == {"#"}
    assert not re.search(r"url\(|@import|style=", made)


def test_a_large_class_stays_small() -> None:
    marks = tuple(
        mark(f"check {n} of the run", 0, 1, expected="e" * 300, actual="a" * 300, message="m" * 300)
        for n in range(3)
    )
    parts = [
        RUN.model_copy(update={"name": f"client/{n}", "title": f"Run {n}", "marks": marks})
        for n in range(10)
    ]
    people = [grade(*parts, id=f"s{n}", name=f"Student {n}") for n in range(200)]
    assert len(class_html(classroom(*people)).encode()) < LIMIT


def test_a_small_class_is_told_in_full() -> None:
    long = grade(RUN.model_copy(update={"marks": (mark("m", 0, 1, message="z" * 290),)}))
    assert "z" * 290 in class_html(classroom(long))


@pytest.mark.parametrize(
    ("value", "written"),
    [(3, "3"), (2.5, "2.5"), (1 / 3, "0.33"), (10, "10"), (0, "0"), (100000.25, "100000.25")],
)
def test_numbers_have_no_more_digits_than_needed(value: float, written: str) -> None:
    assert format_number(value) == written


def test_points_of_what_is_worth_nothing_by_itself() -> None:
    assert format_points(2, 0) == "2 points"
    assert format_points(1, 0) == "1 point"
    assert format_points(1, 3) == "1 of 3 points"
    assert BONUS.max_points == 1
