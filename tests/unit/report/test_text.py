"""The words and signs that reports share, and texts that fit in columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from labctl.model.result import Observation, Outcome, Verdict
from labctl.report.layout import clip_columns, pad_columns
from labctl.report.wording import (
    attempt_label,
    ending_line,
    exception_line,
    outcome_line,
    verdict_word,
)
from labctl.text import comma_list, escape_control
from tests.unit.judge.samples import exception, raised, result, returned


@given(st.text(), st.integers(1, 40))
def test_clipped_text_fits(text: str, width: int) -> None:
    assert cell_len(clip_columns(escape_control(text), width)) <= width
    assert cell_len(pad_columns(escape_control(text), width)) == width


def test_clipping_counts_columns_not_characters() -> None:
    assert clip_columns("漢字漢字", 8) == "漢字漢字"
    assert clip_columns("漢字漢字", 7) == "漢字漢…"
    assert clip_columns("abcdef", 4) == "abc…"


def test_words_for_verdicts() -> None:
    assert [verdict_word(v) for v in (*Verdict, None)] == [
        "pass",
        "fail",
        "inconclusive",
        "error",
        "shown",
    ]


def test_labels_name_the_client_that_was_given() -> None:
    assert attempt_label(result()) == "refused-port/smtplib"
    assert attempt_label(result(attempt="my", client="my.py")) == "refused-port/my.py"
    assert attempt_label(result(client="my.py")) == "refused-port/smtplib (my.py)"


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
    assert ending_line(seen) == line
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
    assert ending_line(seen) == f"E: {message}"
    assert outcome_line(result(seen)) == line


def test_what_a_client_returned_is_not_touched() -> None:
    assert outcome_line(result(returned("'E: [Errno 1] a'"))) == "returned 'E: [Errno 1] a'"


def test_long_lists_are_cut() -> None:
    assert comma_list(["a", "b"]) == "a, b"
    assert comma_list("abcd", limit=2) == "a, b and 2 more"
