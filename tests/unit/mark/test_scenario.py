"""Scenarios of students: a third each for being right, for what they say, and for its truth."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.mark.scenario import mark_invalid, mark_scenario
from labctl.model.exercise import OwnScenarioFile
from labctl.model.expectation import Expectation
from labctl.model.grade import GradeState, Part
from labctl.model.result import AttemptResult, Observation, Verdict
from tests.unit.judge.samples import attempt, expectation, raised, result, returning, scenario

WIRE = ["tcp closed.lab:2525 refused"]
SAYS = expectation(wire=WIRE)
SPEC = OwnScenarioFile(
    file="my.yaml", text="One of yours.", raises="ConnectionRefusedError", points=3.0, hint="look"
)
TITLES = ["the file is valid", "it says what it must", "it comes true"]


TITLE = "my.yaml: a scenario that raises ConnectionRefusedError"


def ran(*expected: Expectation, results: list[AttemptResult] | None = None) -> Part:
    made = results if results is not None else [came_true()]
    return mark_scenario("own", SPEC, scenario(attempts=(attempt("smtplib", *expected),)), made)


def came_true(observed: Observation | None = None, **changes: Any) -> AttemptResult:
    return result(observed, **changes)


def points(part: Part) -> list[float]:
    return [mark.points for mark in part.marks]


def test_one_that_is_wrong_says_where() -> None:
    part = mark_invalid("own", SPEC, ["my.yaml:3: no", "my.yaml:7: nor this"])
    assert (part.name, part.kind, part.title) == ("scenario/own", "scenario", TITLE)
    assert (points(part), part.max_points, part.state) == ([0, 0, 0], 3, GradeState.GRADED)
    assert [mark.title for mark in part.marks] == TITLES
    assert [mark.actual for mark in part.marks] == [
        "my.yaml:3: no; my.yaml:7: nor this",
        "it could not be run",
        "it could not be run",
    ]
    assert {mark.hint for mark in part.marks} == {"look"}


def test_one_that_says_it_and_comes_true() -> None:
    part = ran(SAYS)
    assert (points(part), part.state, part.reasons) == ([1, 1, 1], GradeState.GRADED, ())
    assert {mark.actual for mark in part.marks} == {"it is so"}


@pytest.mark.parametrize(
    "expected",
    [
        expectation(),
        expectation(raises="OSError", wire=WIRE),
        expectation(raises=None, isa="OSError", wire=WIRE),
        returning(wire=WIRE),
    ],
)
def test_one_that_does_not_say_it(expected: Expectation) -> None:
    part = ran(expected)
    assert points(part) == [1, 0, 1]
    assert part.marks[1].actual == (
        "it needs an attempt that raises ConnectionRefusedError, with `wire`"
    )


@pytest.mark.parametrize(
    "expected", [expectation(raises=None, isa="ConnectionRefusedError", wire=WIRE), SAYS]
)
def test_ways_to_say_it(expected: Expectation) -> None:
    assert points(ran(expected)) == [1, 1, 1]


def test_a_variant_for_another_python_does_not_say_it() -> None:
    elsewhere = SAYS.model_copy(update={"python": "<3.10"})
    assert points(ran(elsewhere, returning())) == [1, 0, 1]
    assert points(ran(returning().model_copy(update={"python": "<3.10"}), SAYS)) == [1, 1, 1]


def test_an_attempt_that_was_not_made_does_not_say_it() -> None:
    assert points(ran(SAYS, results=[came_true(attempt="other")])) == [1, 0, 1]


@pytest.mark.parametrize("others", [0, 1])
def test_one_that_does_not_come_true(others: int) -> None:
    wrong = came_true(expectation=expectation(raises="TimeoutError"))
    part = ran(SAYS, results=[*[came_true()] * others, wrong])
    assert points(part) == [1, 1, 0]
    assert part.marks[2].actual.startswith("expected TimeoutError, but ConnectionRefusedError")


def test_what_was_judged_by_nothing_has_not_come_true() -> None:
    assert points(ran(SAYS, results=[came_true(expectation=None)]))[2] == 0
    assert points(ran(SAYS, results=[]))[2] == 0


def untold(**changes: Any) -> AttemptResult:
    """One that was starved twice."""
    update = {"verdict": Verdict.INCONCLUSIVE, "made_again": True, "reasons": ("too busy",)}
    return came_true(**changes).model_copy(update=update)


def test_one_that_a_busy_machine_could_not_judge_is_inconclusive() -> None:
    part = ran(SAYS, results=[came_true(), untold(attempt="b")])
    assert (part.state, part.reasons) == (GradeState.INCONCLUSIVE, ("too busy",))


def test_what_has_failed_otherwise_has_failed_all_the_same() -> None:
    wrong = came_true(expectation=expectation(raises="TimeoutError"))
    assert ran(SAYS, results=[wrong, untold(attempt="b")]).state is GradeState.GRADED
    assert ran(expectation(), results=[untold()]).state is GradeState.GRADED


def test_tampering_is_told() -> None:
    part = ran(SAYS, results=[came_true(raised(tampered=("replaced os.write",)))])
    assert (part.state, part.reasons) == (
        GradeState.TAMPERED, ("smtplib: the client replaced os.write",),
    )  # fmt: skip
    assert points(part) == [1, 1, 0]


@given(st.floats(0, 1000).map(lambda number: round(number, 2)))
def test_the_thirds_are_the_whole(worth: float) -> None:
    spec = SPEC.model_copy(update={"points": worth})
    whole = scenario(attempts=(attempt("smtplib", SAYS),))
    part = mark_scenario("own", spec, whole, [came_true()])
    assert round(part.points, 6) == round(part.max_points, 6) == worth


def test_a_bonus_is_one() -> None:
    assert mark_invalid("own", SPEC.model_copy(update={"bonus": True}), ["x"]).bonus
