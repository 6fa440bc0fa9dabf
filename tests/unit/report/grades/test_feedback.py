"""Feedback for a student, as Markdown and HTML."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from labctl.model.grade import Grade
from labctl.report.grades.feedback import feedback_html, feedback_markdown
from labctl.report.markdown import code_block, code_span, escape_with_backslashes
from labctl.text import escape_control
from tests.unit.report.grades.samples import (
    BROKE,
    BUSY,
    FULL,
    HIDDEN,
    HOSTILE,
    MISSED,
    REFUSED,
    RUN,
    TAMPERING,
    grade,
    hostile,
    mark,
)

LAYOUT = {"html", "head", "meta", "title", "style", "body", "main", "section", "div", "span"}
ALLOWED = LAYOUT | {"h1", "h3", "h4", "p", "bdi", "strong", "ul", "li", "dl", "dt", "dd"}
ALLOWED |= {"code", "pre"}


class Page(HTMLParser):
    """The elements of a page, its attributes and the text outside of its style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: set[str] = set()
        self.said = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {key for key, _ in attrs}
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.said += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


def parsed(text: str) -> list[Token]:
    """All tokens of a Markdown text, those within lines too."""
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    found = []
    for token in reader.parse(text):
        found += [token, *(token.children or [])]
    return found


def plain(text: str) -> str:
    """What a reader of a Markdown text sees."""
    return "\n".join(token.content for token in parsed(text) if token.type != "inline")


def kinds(text: str) -> list[str]:
    return [token.type for token in parsed(text)]


BOTH = pytest.mark.parametrize(
    "shown", [lambda g: plain(feedback_markdown(g)), lambda g: Page(feedback_html(g)).said]
)


@BOTH
def test_it_tells_expected_and_observed_why_and_a_hint(shown: Callable[[Grade], str]) -> None:
    said = shown(grade(RUN))
    for text in ("1 of 3 points", "0 of 2 points", "3 tries", "1 try", "after the first", "RFC"):
        assert text in said
    assert "   | <-- RST --  |" in said
    assert "ConnectionRefusedError" in said
    assert "client-refused.pcapng" not in said
    assert "client-refused.json" not in said


@BOTH
def test_hints_are_for_what_was_missed(shown: Callable[[Grade], str]) -> None:
    right = mark("three tries", 2, 2, hint="HINT")
    assert "HINT" not in shown(grade(RUN.model_copy(update={"marks": (right,)})))


@BOTH
def test_of_a_hidden_run_there_are_points_alone(shown: Callable[[Grade], str]) -> None:
    said = shown(grade(HIDDEN))
    assert "A hidden run" in said
    assert "2 of 3 points" in said
    for clue in ("slow", "waits", "hung", "timeout"):
        assert clue not in said


@BOTH
def test_of_a_run_that_waited_for_a_processor_it_says_for_how_long(
    shown: Callable[[Grade], str],
) -> None:
    sentence = "The machine was busy: the program waited 1.2 s for a processor."
    assert sentence in shown(grade(RUN.model_copy(update={"starved_s": 1.23})))
    assert "busy" not in shown(grade(RUN.model_copy(update={"starved_s": 0.1})))


@BOTH
def test_how_it_ended_is_explained(shown: Callable[[Grade], str]) -> None:
    assert "client.py is missing" in shown(REFUSED)
    assert "hand it in again" in shown(REFUSED)
    assert "not your doing" in shown(BROKE)
    assert "not graded" in shown(BROKE)
    assert "dockerd" not in shown(BROKE)
    assert "The machine was too busy to tell. That is not your doing" in shown(BUSY)
    assert "dockerd" not in shown(BUSY)
    assert "A person will look at this." in shown(TAMPERING)
    for clue in ("disagree", "the wire says", "1 try", "RST", "tamper"):
        assert clue not in shown(TAMPERING).lower().replace("rst", "RST")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text_in_markdown(text: str) -> None:
    made = feedback_markdown(hostile(text))
    plainly = feedback_markdown(hostile("x"))
    blocks = ("fence", "ladder")
    expected = [kind for kind in kinds(plainly) if kind not in blocks]
    found = [kind for kind in kinds(made) if kind not in blocks]
    # Code that is empty is text, and so is a run without output; all else is as with plain text.
    if text.strip():
        assert [kind for kind in found if kind != "text_special"] == [
            kind for kind in expected if kind != "text_special"
        ]
    assert not {"html_block", "html_inline", "image", "link_open", "softbreak"} & set(found)
    assert all(char.isprintable() or char == "\n" for char in made)


@pytest.mark.parametrize("text", [text for text in HOSTILE if text.strip()])
def test_hostile_text_is_seen_as_it_is_in_markdown(text: str) -> None:
    seen = "".join(
        token.content
        for token in parsed(f"x {escape_with_backslashes(text)}")
        if token.type != "inline"
    )
    assert seen == f"x {escape_control(text)}".rstrip()
    assert not re.search(r"(?<!\\)(:(?=\S)|@|#)|www\.", escape_with_backslashes(text))
    (span,) = [token for token in parsed(code_span(text)) if token.type == "code_inline"]
    assert span.content == escape_control(text)


@given(st.text(alphabet="`~ab \n"))
def test_no_text_closes_its_fence(text: str) -> None:
    (fence,) = parsed(code_block(text) + "\n\n# After")[:1]
    assert fence.type == "fence"
    assert fence.content == f"{text}\n"


@given(st.text(alphabet="`x\\ ", min_size=1))
def test_no_text_closes_its_code(text: str) -> None:
    tokens = [token for token in parsed(f"a {code_span(text)} b") if token.type != "inline"]
    spans = [token.content for token in tokens if token.type == "code_inline"]
    assert spans == ([text] if text.strip() else [])


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text_in_html(text: str) -> None:
    page = Page(feedback_html(hostile(text)))
    assert set(page.tags) <= ALLOWED
    assert page.attributes <= {
        "lang", "charset", "http-equiv", "content", "name", "class", "tabindex", "aria-hidden",
    }  # fmt: skip
    assert page.open == []
    assert all(char.isprintable() or char == "\n" for char in page.said)
    if text.strip():
        assert escape_control(text) in page.said


def test_what_could_turn_letters_around_is_shown() -> None:
    for made in (feedback_html(hostile("\u202ea")), feedback_markdown(hostile("\u202ea"))):
        assert "\u202e" not in made
        assert "u202ea" in made


@pytest.mark.parametrize("write", [feedback_html, feedback_markdown])
def test_much_output_is_cut(write: Callable[[Grade], str]) -> None:
    loud: Grade = grade(RUN.model_copy(update={"stdout": "x" * 1_000_000, "stderr": "\n" * 10**6}))
    assert len(write(loud)) < 60_000
    long = grade(
        RUN.model_copy(update={"marks": (MISSED.model_copy(update={"actual": "y" * 10**6}),)})
    )
    assert len(write(long)) < 60_000


def test_the_page_loads_and_runs_nothing() -> None:
    made = feedback_html(FULL)
    assert "default-src 'none'" in made
    assert "script" not in made
    assert "unsafe" not in made
    assert not re.search(r"(src|href)=|url\(|@import", made)
