"""Text that others wrote, such as clients, can't steer the terminal that shows it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.text import (
    LINE_LIMIT,
    escape_control,
    escape_lines,
    format_limit,
    format_took,
    pluralize,
)


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
        (r"C:\new", r"C:\new"),
        ("Grüße 漢字 ✔", "Grüße 漢字 ✔"),
    ],
)
def test_what_a_terminal_would_obey_is_shown_instead(text: str, shown: str) -> None:
    assert escape_control(text) == shown


@given(st.text())
def test_escaped_text_is_printable(text: str) -> None:
    assert escape_control(text).isprintable()


@given(st.text())
def test_kept_newlines_are_all_that_is_not_printable(text: str) -> None:
    shown = escape_control(text, keep_newlines=True)
    assert shown.replace("\n", "").isprintable()
    assert shown.count("\n") == text.count("\n")


def test_lines_are_cut_at_the_limit() -> None:
    long = "x" * 10_000_000
    assert escape_control(long) == "x" * LINE_LIMIT + "…"
    assert escape_control("abc\nabcd", keep_newlines=True, limit=3) == "abc\nabc…"
    assert escape_control(long, limit=None) == long


def test_lines_end_at_newlines_alone() -> None:
    assert escape_lines("a\r\n\tb\x0bc\rd") == ["a", r"    b\x0bc\rd"]


@given(st.text())
def test_escaped_lines_are_printable(text: str) -> None:
    assert all(line.isprintable() for line in escape_lines(text))


def test_counts_have_their_noun() -> None:
    assert (pluralize(1, "attempt"), pluralize(2, "attempt")) == ("1 attempt", "2 attempts")


@pytest.mark.parametrize(
    ("seconds", "limits", "said"),
    [
        (0.0, (), "0 s"),
        (0.00412, (), "0.004 s"),
        (0.987, (), "0.987 s"),
        (3.14159, (), "3.14 s"),
        (10.0, (), "10 s"),
        (30.01, (), "30 s"),
        (1234.5, (), "1234 s"),
        (10.0004, (10.0,), "10.0004 s"),
        (9.9996, (10.0,), "9.9996 s"),
        (10.0, (10.0,), "10 s"),
        (14.9996, (None, 15.0), "14.9996 s"),
        (1.001, (1.0, 1.0011), "1.001 s"),
        (10.000000000000002, (10.0,), "10.000000000000002 s"),
        (1e300, (1e299,), "1e+300 s"),
        (math.inf, (1.0,), "inf s"),
        (math.nan, (1.0,), "nan s"),
    ],
)
def test_times_have_three_digits_or_as_many_as_it_takes(
    seconds: float, limits: tuple[float | None, ...], said: str
) -> None:
    assert format_took(seconds, *limits) == said


@pytest.mark.parametrize(
    ("limit", "said"),
    [(10.0, "10 s"), (0.25, "0.25 s"), (1234567.5, "1234567.5 s"), (10.0000001, "10.0000001 s")],
)
def test_limits_are_told_exactly(limit: float, said: str) -> None:
    assert format_limit(limit) == said


SECONDS = st.floats(0, 1e7)


@given(SECONDS, SECONDS)
def test_a_time_and_its_limit_are_seen_to_differ(seconds: float, limit: float) -> None:
    bound = float(format_limit(limit).removesuffix(" s"))
    for took in (seconds, limit, math.nextafter(limit, seconds)):
        seen = float(format_took(took, limit).removesuffix(" s"))
        assert (seen > bound, seen < bound) == (took > limit, took < limit)
