"""Text from clients, made safe to print."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from labctl.model.result import Observation, Outcome, Verdict
from labctl.report.text import (
    clip,
    counted,
    ended,
    exception_line,
    label,
    listed,
    outcome_line,
    pad,
    safe,
    safe_lines,
    word,
)
from tests.unit.judge.samples import exception, raised, result, returned


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b]0;title\x07", r"\x1b[31mred\x1b]0;title\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("a\u202eb\u2066c\u200fd", r"a\u202eb\u2066c\u200fd"),
        ("a\u200bb\ufeff", r"a\u200bb\ufeff"),
        ("one\ntwo\r\tthree\x00", r"one\ntwo\r\tthree\x00"),
        ("\u2028\u2029\x85", r"\u2028\u2029\x85"),
        ("\udc80", r"\udc80"),
        ("Grüße 漢字 ✔", "Grüße 漢字 ✔"),
    ],
)
def test_what_a_terminal_would_obey_is_shown_instead(text: str, shown: str) -> None:
    assert safe(text) == shown


@given(st.text())
def test_safe_text_is_printable(text: str) -> None:
    assert safe(text).isprintable()


def test_safe_text_is_bounded() -> None:
    assert len(safe("x" * 10_000_000)) < 5000


def test_lines_end_at_newlines_alone() -> None:
    assert safe_lines("a\r\n\tb\x0bc\rd") == ["a", r"    b\x0bc\rd"]


@given(st.text(), st.integers(1, 40))
def test_clipped_text_fits(text: str, width: int) -> None:
    assert cell_len(clip(safe(text), width)) <= width
    assert cell_len(pad(safe(text), width)) == width


def test_clipping_counts_columns_not_characters() -> None:
    assert clip("漢字漢字", 8) == "漢字漢字"
    assert clip("漢字漢字", 7) == "漢字漢…"
    assert clip("abcdef", 4) == "abc…"


def test_words_for_verdicts() -> None:
    assert [word(v) for v in (*Verdict, None)] == ["pass", "fail", "inconclusive", "error", "shown"]


def test_labels_name_the_client_that_was_given() -> None:
    assert label(result()) == "refused-port/smtplib"
    assert label(result(attempt="my", client="my.py")) == "refused-port/my.py"
    assert label(result(client="my.py")) == "refused-port/smtplib (my.py)"


def test_an_exception_is_a_line() -> None:
    assert exception_line(exception(message="a\nb")) == r"ConnectionRefusedError: a\nb"
    assert exception_line(exception(message="")) == "ConnectionRefusedError"
    assert exception_line(exception(message=None)) == "ConnectionRefusedError"


@pytest.mark.parametrize(
    ("seen", "line"),
    [
        (raised(exception=exception(message="no")), "ConnectionRefusedError: no"),
        (returned("(220, b'hi')"), "returned (220, b'hi')"),
        (
            Observation(outcome=Outcome.EXITED, exit=3),
            "ended its process at once, exit status 3",
        ),
        (Observation(outcome=Outcome.KILLED, signal="SIGSEGV"), "killed (SIGSEGV)"),
        (Observation(outcome=Outcome.OUT_OF_MEMORY), "used up its memory and was killed"),
        (Observation(outcome=Outcome.TIMED_OUT, elapsed_s=30.01), "still running after 30 s"),
        (Observation(outcome=Outcome.GARBLED), "left something that is not a report"),
    ],
)
def test_every_end_is_a_line(seen: Observation, line: str) -> None:
    assert ended(seen) == line
    assert outcome_line(result(seen)) == line


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("[Errno 111] Connection refused", "E: Connection refused"),
        ("[Errno -2] Name or service not known", "E: Name or service not known"),
        ("no: [Errno 111] Connection refused", "E: no: [Errno 111] Connection refused"),
        ("[Errno 1] a: [Errno 2] b", "E: a: [Errno 2] b"),
        ("[SSL] wrong version number", "E: [SSL] wrong version number"),
        ("see [Errno 111] there", "E: see [Errno 111] there"),
    ],
)
def test_the_number_of_an_error_is_left_to_the_details(message: str, line: str) -> None:
    seen = raised(exception=exception("E", message=message))
    assert ended(seen) == f"E: {message}"
    assert outcome_line(result(seen)) == line


def test_what_a_client_returned_is_not_touched() -> None:
    assert outcome_line(result(returned("'E: [Errno 1] a'"))) == "returned 'E: [Errno 1] a'"


def test_lists_and_counts() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed("abcd", most=2) == "a, b and 2 more"
    assert (counted(1, "attempt"), counted(2, "attempt")) == ("1 attempt", "2 attempts")
