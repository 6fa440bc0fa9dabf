"""What a student gets back: what was expected, what was observed, and hints; as Markdown or HTML.

Nothing that students, their programs or exercises say can be more than text in either.
"""

from __future__ import annotations

import re

from labctl.model.grade import Grade, Mark, Part
from labctl.report.grades.student import explained, for_student, headline, remark
from labctl.report.grades.style import FEEDBACK
from labctl.report.grades.words import points, run_blocks, told
from labctl.report.html import EMPTY, Markup, escape_html_lines, html_page, join, tag
from labctl.text import escape_control

_MEANS_SOMETHING = re.compile(
    r"([\\`*_\[\]<#|~&@$]|^[-+=>]|(?<=^\d)[.)]|(?<=\d)[.)](?= )|:(?=\S)|(?<=www)\.)", re.I
)
"""What is markup anywhere, or where a line begins; and what GitHub makes links of."""
_CODE = ("expected", "observed")


def feedback_markdown(grade: Grade) -> str:
    """The feedback, for CommonMark and GitHub."""
    seen = for_student(grade)
    said = [f"# {inline(seen.title)}", f"{inline(seen.name)} · **{inline(headline(seen))}**"]
    said += [f"> {inline(sentence)}" for sentence in explained(seen)]
    if seen.gradable:
        said += [text for part in seen.parts for text in _part_markdown(part)]
    return "\n\n".join(said) + "\n"


def inline(text: str) -> str:
    """The text on one line of Markdown: no character of it means anything but itself."""
    return _MEANS_SOMETHING.sub(r"\\\1", escape_control(text, limit=1000))


def code(text: str) -> str:
    """The text as a code span."""
    line = escape_control(text, limit=1000)
    fence = "`" * (_longest_run(line) + 1)
    if not line.strip():
        return "(nothing)"
    # Of spaces at both ends, one at each is taken off.
    pad = " " if line[0] in "` " or line[-1] in "` " else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def fenced(text: str) -> str:
    """The lines as a code block, with a fence that none of them can close."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}text\n{text}\n{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def _part_markdown(part: Part) -> list[str]:
    if part.hidden:
        return [f"## {inline(_summed(part))}"]
    said = [f"## {inline(_summed(part))}"]
    said += [inline(remark(part))] if remark(part) else []
    said += ["\n".join(line for mark in part.marks for line in _mark_markdown(mark))]
    for heading, text in run_blocks(part):
        said += [f"### {heading.capitalize()}", fenced(text)]
    said += [f"The packets are in {code(part.capture)}."] if part.capture else []
    return [text for text in said if text]


def _mark_markdown(mark: Mark) -> list[str]:
    sign = "✔" if mark.full else "✘"
    return [f"- {sign} {inline(mark.title)}: {points(mark.points, mark.max_points)}"] + [
        f"  - {heading}: {code(text) if heading in _CODE else inline(text)}"
        for heading, text in told(mark)
    ]


def _summed(part: Part) -> str:
    bonus = " (bonus)" if part.bonus else ""
    return f"{part.title}: {points(part.points, part.max_points)}{bonus}"


def feedback_html(grade: Grade) -> str:
    """The feedback as a page that loads nothing and runs nothing."""
    seen = for_student(grade)
    sentences = [tag("p", sentence) for sentence in explained(seen)]
    return html_page(
        f"{seen.title}: {headline(seen)}",
        tag("h1", seen.title),
        tag("p", tag("bdi", seen.name), " · ", tag("strong", headline(seen))),
        tag("div", *sentences, class_="note") if sentences else "",
        tag("main", *(_part_html(part) for part in seen.parts)) if seen.gradable else "",
        style=FEEDBACK,
    )


def _part_html(part: Part) -> Markup:
    bonus = " (bonus)" if part.bonus else ""
    head = tag(
        "div",
        tag("h3", part.title),
        tag("span", points(part.points, part.max_points), bonus, class_="points"),
        class_="head",
    )
    if part.hidden:
        return tag("section", head, class_="card")
    return tag("section", head, *_about_html(part), class_="card")


def _about_html(part: Part) -> list[Markup]:
    said = [tag("p", remark(part), class_="note")] if remark(part) else []
    said += [tag("ul", *(mark_html(mark) for mark in part.marks), class_="marks")]
    for heading, text in run_blocks(part):
        # A region that scrolls is one that keys can reach.
        said += [tag("h4", heading.capitalize()), tag("pre", escape_html_lines(text), tabindex="0")]
    if part.capture:
        said += [tag("p", "The packets are in ", tag("code", part.capture), ".", class_="small")]
    return said


def mark_html(mark: Mark, most: int = 1000) -> Markup:
    """A mark in a list of marks."""
    return tag(
        "li",
        tag(
            "div",
            tag("span", _sign(mark), tag("span", escape_control(mark.title, limit=most))),
            tag("span", points(mark.points, mark.max_points), class_="points"),
            class_="head",
        ),
        _told_html(mark, most),
        class_="full" if mark.full else "missed",
    )


def _sign(mark: Mark) -> Markup:
    return tag("span", "✔" if mark.full else "✘", class_="sign", aria_hidden="true")


def _told_html(mark: Mark, most: int) -> Markup:
    said = [
        join(tag("dt", heading), tag("dd", tag("code", text) if heading in _CODE else text))
        for heading, text in told(mark, most)
    ]
    return tag("dl", *said, class_="told") if said else EMPTY
