"""Stacks with `...` against stacks: matching and alignment."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from labctl.judge.diff import Row, align, matches, stack_names
from tests.unit.judge.samples import STACK, frames, raised

NAMES = st.sampled_from(["m:a", "m:b", "m:c"])
OBSERVED = st.lists(NAMES, max_size=7)
EXPECTED = st.lists(NAMES | st.just("..."), max_size=7)


def naive(expected: list[str], observed: list[str]) -> bool:
    if not expected:
        return not observed
    if expected[0] == "...":
        return any(naive(expected[1:], observed[i:]) for i in range(len(observed) + 1))
    return bool(observed) and expected[0] == observed[0] and naive(expected[1:], observed[1:])


@given(EXPECTED, OBSERVED)
def test_matching_is_what_the_obvious_matcher_says(
    expected: list[str], observed: list[str]
) -> None:
    assert matches(expected, observed) == naive(expected, observed)


@given(EXPECTED, OBSERVED)
def test_an_alignment_has_differences_only_where_nothing_matches(
    expected: list[str], observed: list[str]
) -> None:
    rows = align(expected, observed)
    assert all(row.mark == "same" for row in rows) == naive(expected, observed)


@given(EXPECTED, OBSERVED)
def test_an_alignment_holds_both_stacks_in_their_order(
    expected: list[str], observed: list[str]
) -> None:
    rows = align(expected, observed)
    assert [row.expected for row in rows if row.expected] == expected
    assert [row.observed for row in rows if row.observed] == observed


def test_a_renamed_frame_stands_beside_the_one_in_its_place() -> None:
    assert align(["m:a", "m:b", "m:c"], ["m:a", "m:x", "m:c"]) == [
        Row("same", "m:a", "m:a"),
        Row("differs", "m:b", "m:x"),
        Row("same", "m:c", "m:c"),
    ]


def test_missing_and_extra_frames_do_not_shift_the_rest() -> None:
    assert align(["m:a", "m:b", "m:c"], ["m:b", "m:c", "m:d"]) == [
        Row("missing", "m:a", ""),
        Row("same", "m:b", "m:b"),
        Row("same", "m:c", "m:c"),
        Row("extra", "", "m:d"),
    ]


def test_any_number_of_frames_stands_beside_the_first_it_takes_in() -> None:
    assert align(["...", "m:c", "..."], ["m:a", "m:b", "m:c"]) == [
        Row("same", "...", "m:a"),
        Row("same", "", "m:b"),
        Row("same", "m:c", "m:c"),
        Row("same", "...", ""),
    ]


def test_frames_left_out_of_a_report_are_a_gap_that_only_dots_match() -> None:
    seen = raised(stack=frames("m:a", "m:b", "m:c", "m:d"), omitted_frames=9)
    names = stack_names(seen)
    assert names == ["m:a", "m:b", "(9 frames left out)", "m:c", "m:d"]
    assert matches(["m:a", "...", "m:d"], names)
    assert not matches(["m:a", "m:b", "m:c", "m:d"], names)


def test_a_stack_is_named_as_scenarios_write_it() -> None:
    assert stack_names(raised()) == list(STACK)
