"""Which failures of a starved client count, and which may be the machine's."""

from __future__ import annotations

from typing import Any

import pytest

from labctl.judge import judge
from labctl.judge.policy import judge_policy
from labctl.judge.starvation import (
    STARVED_S,
    busy_sentence,
    hangs,
    is_starved,
    may_be_starved,
)
from labctl.model.expectation import Expectation
from labctl.model.policy import Rule
from labctl.model.result import Observation, Outcome
from tests.unit.judge.samples import exception, expectation, flow, raised, returned

WIRE = "tcp closed.lab:2525 refused"
TIMEOUT = exception("TimeoutError", attrs={}, symbols={}, message="timed out")


def is_excused(expected: Expectation, seen: Observation) -> bool:
    return may_be_starved(expected, seen, judge(expected, seen).differences)


@pytest.mark.parametrize(
    ("took", "starved", "excused"),
    [(11.0, 0.0, False), (11.0, 0.9, False), (11.0, 1.1, True), (25.0, 24.0, True), (9, 8, False)],
)
def test_too_much_time_counts_if_the_clients_own_time_is_too_much(
    took: float, starved: float, excused: bool
) -> None:
    seen = raised(elapsed_s=took, starved_s=starved)
    assert is_excused(expectation(elapsed={"max": "10s"}), seen) is excused


def test_too_little_time_always_counts() -> None:
    seen = raised(elapsed_s=0.5, starved_s=0.4)
    assert not is_excused(expectation(elapsed={"min": "1s"}), seen)


@pytest.mark.parametrize(
    ("starved", "excused"), [(0.0, False), (STARVED_S - 0.01, False), (STARVED_S, True)]
)
@pytest.mark.parametrize("flows", [(), (flow("unanswered"),), (flow(), flow())])
def test_other_packets_may_be_those_of_a_client_that_was_late(
    flows: tuple[Any, ...], starved: float, excused: bool
) -> None:
    seen = raised(exception=TIMEOUT, stack=(), flows=flows, starved_s=starved, calls=())
    wanted = expectation(raises="TimeoutError", attrs=None, stack=None, wire=[WIRE])
    assert is_excused(wanted, seen) is excused


def test_so_may_be_what_servers_say() -> None:
    seen = raised(starved_s=1.0)
    assert is_excused(expectation(served=["mail message"]), seen)


def test_another_exception_counts_unless_it_is_a_timeout_or_behind_one() -> None:
    wrong = exception("ValueError", attrs={}, symbols={}, bases=("ValueError", "Exception"))
    for seen, excused in (
        (wrong, False),
        (TIMEOUT, True),
        (wrong.model_copy(update={"context": TIMEOUT}), True),
        (wrong.model_copy(update={"cause": TIMEOUT}), True),
        (
            exception("httpx.ReadTimeout", bases=("httpx.ReadTimeout", "httpx.TimeoutException")),
            True,
        ),
    ):
        observed = raised(exception=seen, starved_s=1.0)
        assert is_excused(expectation(stack=None), observed) is excused, seen.type


def test_another_value_counts_unless_packets_are_missing_too() -> None:
    wanted = {"raises": None, "attrs": None, "stack": None, "returns": "'sent'"}
    seen = returned("'gave up'", starved_s=1.0, flows=(), exit=0)
    assert not is_excused(expectation(**wanted), seen)
    assert is_excused(expectation(**wanted, wire=[WIRE]), seen)


def test_one_difference_that_time_can_not_make_is_enough() -> None:
    seen = raised(elapsed_s=11.0, starved_s=5.0, exception=exception("KeyError", bases=()))
    assert not is_excused(expectation(elapsed={"max": "10s"}, stack=None), seen)


def test_who_tampers_is_not_excused() -> None:
    seen = raised(elapsed_s=11.0, starved_s=5.0, tampered=("did",), flows=(flow(),))
    assert not is_excused(expectation(elapsed={"max": "10s"}), seen)


def test_nor_is_a_claim_that_the_packets_contradict() -> None:
    seen = raised(starved_s=5.0, flows=())
    assert not is_excused(expectation(wire=[WIRE]), seen)


@pytest.mark.parametrize("cut_short", [False, True])
@pytest.mark.parametrize("outcome", [Outcome.TIMED_OUT, Outcome.RAISED])
def test_one_that_still_ran_after_all_its_time_counts(outcome: Outcome, cut_short: bool) -> None:
    """Its code may have ended, and a thread keeps the process alive."""
    seen = Observation(
        outcome=outcome,
        exception=TIMEOUT if outcome is Outcome.RAISED else None,
        elapsed_s=300,
        starved_s=285,
        cut_short=cut_short,
        flows=(),
    )
    rule = Rule()
    hang = [one for one in judge_policy(rule, seen).differences if one.what == "hang"]
    assert may_be_starved(rule, seen, hang) is cut_short
    assert hangs(seen) is not cut_short


@pytest.mark.parametrize(
    ("ending", "excused"),
    [
        ({"outcome": Outcome.OUT_OF_MEMORY}, False),
        ({"outcome": Outcome.KILLED, "signal": "SIGKILL"}, False),
        ({"outcome": Outcome.KILLED, "signal": "SIGSEGV"}, False),
        ({"outcome": Outcome.RAISED, "signal": "SIGKILL"}, False),
        ({"outcome": Outcome.KILLED, "signal": "SIGALRM"}, True),
    ],
)
def test_one_that_was_killed_counts_unless_an_alarm_of_its_own_did_it(
    ending: dict[str, Any], excused: bool
) -> None:
    honest = raised(exception=TIMEOUT, stack=(), flows=(), calls=(), starved_s=1.0)
    seen = honest.model_copy(update=ending)
    wanted = expectation(raises="TimeoutError", attrs=None, stack=None, wire=[WIRE])
    assert is_excused(wanted, seen) is excused


def test_one_that_ended_by_itself_does_not_hang() -> None:
    assert not hangs(raised(exit=1))
    assert not hangs(raised(exit=None, signal="SIGKILL"))


def test_little_waits_that_every_machine_has_are_none() -> None:
    """Each time that a client wakes up, it waits a little."""
    seen = raised(starved_s=0.9, process_s=20.0, flows=())
    assert not is_starved(seen)
    assert is_starved(seen.model_copy(update={"process_s": 15.0}))


def test_a_policy_excuses_the_same_time() -> None:
    rule = Rule.model_validate({"elapsed": {"max": "2s"}})
    for starved, excused in ((0.5, False), (1.5, True)):
        seen = raised(elapsed_s=3.0, starved_s=starved, sockets=())
        assert may_be_starved(rule, seen, judge_policy(rule, seen).differences) is excused


def test_one_that_passed_needs_no_excuse() -> None:
    assert not is_excused(expectation(), raised(starved_s=9.0))
    assert not may_be_starved(None, raised(starved_s=9.0), ())


def test_the_sentence_says_how_long() -> None:
    assert busy_sentence(raised(starved_s=4.1)) == (
        "the client and its services waited 4.1 s for a processor: the machine was too busy to tell"
    )
