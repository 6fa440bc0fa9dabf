"""Feedback for a student, as Markdown or HTML: what was expected and observed, and hints.

Whatever students, their programs or exercises say stands there as text, never as markup.
"""

from __future__ import annotations

from labctl.model.grade import Grade, Mark, Part
from labctl.report.grades.student import headline, part_remark, student_sentences, student_view
from labctl.report.grades.style import FEEDBACK_STYLE
from labctl.report.grades.wording import format_points, mark_facts, run_sections
from labctl.report.html import EMPTY, Markup, escape_html_lines, html_page, join, tag
from labctl.report.markdown import code_block, code_span, escape_with_backslashes
from labctl.text import escape_control

_CODE_HEADINGS = ("expected", "observed")


def feedback_markdown(grade: Grade) -> str:
    """Return the feedback as CommonMark, which GitHub shows as well."""
    view = student_view(grade)
    title, name, result = map(escape_with_backslashes, (view.title, view.name, headline(view)))
    blocks = [f"# {title}", f"{name} · **{result}**"]
    blocks += [f"> {escape_with_backslashes(text)}" for text in student_sentences(view)]
    if view.gradable:
        blocks += [block for part in view.parts for block in _part_markdown(part)]
    return "\n\n".join(blocks) + "\n"


def _part_markdown(part: Part) -> list[str]:
    """Return the blocks of one part, to be set apart by empty lines."""
    bonus = " (bonus)" if part.bonus else ""
    title = f"{part.title}: {format_points(part.points, part.max_points)}{bonus}"
    blocks = [f"## {escape_with_backslashes(title)}"]
    if part.hidden:
        return blocks
    blocks.append(escape_with_backslashes(part_remark(part)))
    blocks.append("\n".join(line for mark in part.marks for line in _mark_markdown(mark)))
    for heading, text in run_sections(part):
        blocks += [f"### {heading.capitalize()}", code_block(text)]
    if part.capture:
        blocks.append(f"The packets are in {code_span(part.capture)}.")
    return [block for block in blocks if block]


def _mark_markdown(mark: Mark) -> list[str]:
    """Return an item of a list, and below it the facts about the mark as items."""
    sign = "✔" if mark.full else "✘"
    title = escape_with_backslashes(mark.title)
    return [f"- {sign} {title}: {format_points(mark.points, mark.max_points)}"] + [
        f"  - {heading}: "
        f"{code_span(text) if heading in _CODE_HEADINGS else escape_with_backslashes(text)}"
        for heading, text in mark_facts(mark)
    ]


def feedback_html(grade: Grade) -> str:
    """Return the feedback as a page that loads nothing and runs nothing."""
    view = student_view(grade)
    sentences = [tag("p", text) for text in student_sentences(view)]
    return html_page(
        f"{view.title}: {headline(view)}",
        tag("h1", view.title),
        tag("p", tag("bdi", view.name), " · ", tag("strong", headline(view))),
        tag("div", *sentences, class_="note") if sentences else "",
        tag("main", *(_part_html(part) for part in view.parts)) if view.gradable else "",
        style=FEEDBACK_STYLE,
    )


def _part_html(part: Part) -> Markup:
    """Return the student's view of a part as HTML."""
    bonus = " (bonus)" if part.bonus else ""
    points = format_points(part.points, part.max_points)
    head = tag(
        "div", tag("h3", part.title), tag("span", points, bonus, class_="points"), class_="head"
    )
    if part.hidden:
        return tag("section", head, class_="card")
    return tag("section", head, *_part_details(part), class_="card")


def _part_details(part: Part) -> list[Markup]:
    """Return a part's remarks, marks and outputs as HTML."""
    remark = part_remark(part)
    elements = [tag("p", remark, class_="note")] if remark else []
    elements += [tag("ul", *(mark_html(mark) for mark in part.marks), class_="marks")]
    for heading, text in run_sections(part):
        # Keys must be able to reach a region that scrolls.
        region = tag("pre", escape_html_lines(text), tabindex="0")
        elements += [tag("h4", heading.capitalize()), region]
    if part.capture:
        file = tag("code", part.capture)
        elements += [tag("p", "The packets are in ", file, ".", class_="small")]
    return elements


def mark_html(mark: Mark, limit: int = 1000) -> Markup:
    """Return a mark as an item for a list of marks; each text has at most `limit` characters."""
    sign = tag("span", "✔" if mark.full else "✘", class_="sign", aria_hidden="true")
    title = tag("span", escape_control(mark.title, limit=limit))
    points = tag("span", format_points(mark.points, mark.max_points), class_="points")
    return tag(
        "li",
        tag("div", tag("span", sign, title), points, class_="head"),
        _facts_html(mark, limit),
        class_="full" if mark.full else "missed",
    )


def _facts_html(mark: Mark, limit: int) -> Markup:
    """Return the facts of a mark as HTML."""
    pairs = [
        join(
            tag("dt", heading), tag("dd", tag("code", text) if heading in _CODE_HEADINGS else text)
        )
        for heading, text in mark_facts(mark, limit)
    ]
    return tag("dl", *pairs, class_="facts") if pairs else EMPTY
