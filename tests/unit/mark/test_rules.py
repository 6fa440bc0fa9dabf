"""Every rule of a check: what holds, what doesn't, and what nobody can say any more."""

from __future__ import annotations

from typing import Any

import pytest

from labctl.mark.evidence import RunEvidence
from labctl.mark.rules import RULES, Finding, apply_rule
from labctl.model import exercise
from labctl.model.flow_detail import FlowDetail
from labctl.model.result import Origin, Outcome
from tests.unit.judge.samples import event, exception, flow, raised, returned
from tests.unit.mark.samples import check, evidence, observed, secret

RESET = flow("reset")
CLOSED = flow("closed")
ELSEWHERE = flow("closed", host="mail.lab", address="198.18.0.13", port=25)
INCOMING = flow("closed", detail=FlowDetail(incoming=True))
UNSEEN = "more was sent than could be looked at"


def told(finding: Finding) -> tuple[bool, str, str]:
    return finding.holds, finding.expected, finding.actual


def test_every_key_has_its_rule() -> None:
    assert tuple(RULES) == exercise.RULES


@pytest.mark.parametrize(
    ("wanted", "stdout", "holds", "actual"),
    [
        ("refused", "refused\n", True, "it printed 'refused'"),
        (" refused\n", "\n refused", True, "it printed 'refused'"),
        ("refused", "refused\nreally", False, "it printed 'refused\\nreally'"),
        ("refused", "Refused", False, "it printed 'Refused'"),
        ("refused", " \n", False, "it printed nothing"),
        ("{host} {port} {nonce}", "closed.lab 2525 0123456789", True, "it printed 'closed.lab 2525 0123456789'"),  # noqa: E501
    ],
)  # fmt: skip
def test_stdout(wanted: str, stdout: str, holds: bool, actual: str) -> None:
    found = apply_rule(check(stdout=wanted), evidence(observed(stdout=stdout)))
    assert (found.holds, found.actual) == (holds, actual)


def test_stdout_says_what_was_expected() -> None:
    found = apply_rule(check(stdout="{host}"), evidence())
    assert found.expected == "it prints 'closed.lab', and nothing else"


@pytest.mark.parametrize(
    ("code", "holds", "actual"),
    [
        (3, True, "it exited with 3"),
        (0, False, "it exited with 0"),
        (None, False, "the client was killed (SIGKILL)"),
    ],
)
def test_exit(code: int | None, holds: bool, actual: str) -> None:
    one = returned(exit=code, signal="SIGKILL")
    if code is None:
        one = one.model_copy(update={"outcome": Outcome.KILLED})
    assert told(apply_rule(check(exit=3), evidence(one))) == (holds, "it exits with 3", actual)


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ({"raises": "ConnectionRefusedError"}, True),
        ({"raises": "OSError"}, False),
        ({"isa": "OSError"}, True),
        ({"isa": "TimeoutError"}, False),
    ],
)
def test_exceptions(rule: dict[str, str], holds: bool) -> None:
    found = apply_rule(check(**rule), evidence(raised()))
    name = rule.get("raises", f"a kind of {rule.get('isa')}")
    assert told(found) == (holds, f"it raises {name}", "ConnectionRefusedError was raised")
    assert found.doubt == ""


def test_no_exception_is_none_that_was_asked_for() -> None:
    found = apply_rule(check(raises="OSError"), evidence())
    assert told(found) == (
        False, "it raises OSError", "nothing was raised: the client returned None",
    )  # fmt: skip


def test_an_exception_that_the_program_made_itself_is_a_doubt() -> None:
    origin = Origin(client=True, line=3, how="raise")
    found = apply_rule(
        check(raises="ConnectionRefusedError"), evidence(raised(exception=exception(origin=origin)))
    )
    assert not found.holds
    assert found.doubt == (
        "ConnectionRefusedError was raised by the client's own code (line 3), so it says nothing "
        "about the network"
    )


@pytest.mark.parametrize(
    ("value", "holds"), [("'closed.lab'", True), ('"closed.lab"', True), ("'other'", False)]
)
def test_returns(value: str, holds: bool) -> None:
    found = apply_rule(check(returns="'{host}'"), evidence(returned(value)))
    said = f"nothing was raised: the client returned {value}"
    assert told(found) == (holds, "it returns 'closed.lab'", said)


@pytest.mark.parametrize(
    ("bounds", "took", "holds", "expected"),
    [
        ({"max": "2s"}, "2", True, "it takes at most 2 s"),
        ({"max": "2s"}, "2.0004", False, "it takes at most 2 s"),
        ({"min": "1s"}, "1", True, "it takes at least 1 s"),
        ({"min": "1s"}, "0.9996", False, "it takes at least 1 s"),
        ({"min": "1s", "max": "2s"}, "1.5", True, "it takes at least 1 s and at most 2 s"),
        ({"min": "1s", "max": "2s"}, "3", False, "it takes at least 1 s and at most 2 s"),
    ],
)
def test_elapsed_goes_by_the_clock_outside(
    bounds: dict[str, str], took: str, holds: bool, expected: str
) -> None:
    seen = evidence(observed(elapsed_s=0.0), took_s=float(took))
    found = apply_rule(check(elapsed=bounds), seen)
    assert told(found) == (holds, expected, f"it took {took} s")


def test_a_program_that_never_ended_was_not_slow_enough_either() -> None:
    still = returned(flows=(flow(),)).model_copy(update={"outcome": Outcome.TIMED_OUT})
    found = apply_rule(check(elapsed={"min": "1s"}), evidence(still, took_s=10))
    assert told(found) == (
        False, "it takes at least 1 s", "it was still running after 10 s",
    )  # fmt: skip


MESSAGE = event("message", service="smtp", size=3)


@pytest.mark.parametrize(
    ("times", "number", "holds", "bounds"),
    [
        (None, 0, False, "at least once"),
        (None, 5, True, "at least once"),
        ({"min": 1, "max": 1}, 1, True, "exactly once"),
        ({"min": 1, "max": 1}, 2, False, "exactly once"),
        ({"min": 0, "max": 0}, 0, True, "never"),
        ({"min": 0, "max": 0}, 1, False, "never"),
        ({"min": 2}, 1, False, "at least 2 times"),
        ({"min": 2}, 3, True, "at least 2 times"),
        ({"min": 0, "max": 1}, 1, True, "at most once"),
        ({"min": 0, "max": 2}, 3, False, "at most 2 times"),
        ({"min": 3, "max": 3}, 3, True, "exactly 3 times"),
        ({"max": 3}, 0, False, "1 to 3 times"),
        ({"max": 3}, 3, True, "1 to 3 times"),
        ({"max": 3}, 4, False, "1 to 3 times"),
    ],
)
def test_times_of_what_a_server_saw(
    times: dict[str, int] | None, number: int, holds: bool, bounds: str
) -> None:
    given = {"served": "smtp message", **({"times": times} if times else {})}
    found = apply_rule(check(**given), evidence(observed(served=(MESSAGE,) * number)))
    said = {0: "never", 1: "once", 2: "twice"}.get(number, f"{number} times")
    assert told(found) == (holds, f"the server saw “smtp message” {bounds}", said)


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("smtp command verb=RCPT text='TO:<bob@closed.lab>'", 1),
        ("smtp command verb=RCPT", 2),
        ("smtp command verb=rcpt", 0),
        ("smtp command subject=x", 0),
        ("mail command", 0),
        ("smtp message", 0),
    ],
)
def test_events_fit_by_what_is_named_of_them(line: str, number: int) -> None:
    events = [
        event("command", service="smtp", verb="RCPT", text=f"TO:<{who}@closed.lab>")
        for who in ("bob", "eve")
    ]
    given = line.replace("closed.lab", "{host}")
    exactly = check(served=given, times={"min": number, "max": number})
    assert apply_rule(exactly, evidence(observed(served=tuple(events)))).holds


@pytest.mark.parametrize(
    ("line", "flows", "holds"),
    [
        ("tcp {host}:{port} refused", (flow(),), True),
        ("tcp closed.lab:2525 refused", (flow(host="Closed.LAB"),), True),
        ("tcp {host}:{port} reset", (flow(),), False),
        ("tcp {host}:{port} closed", (ELSEWHERE,), False),
        ("tcp {host}:{port} closed", (INCOMING,), False),
    ],
)
def test_wire(line: str, flows: Any, holds: bool) -> None:
    assert apply_rule(check(wire=line), evidence(observed(*flows))).holds is holds


def test_wire_tells_the_line_with_what_it_was() -> None:
    found = apply_rule(check(wire="tcp {host}:{port} reset"), evidence())
    expected = "on the wire there is “tcp closed.lab:2525 reset” at least once"
    assert told(found) == (False, expected, "never")


@pytest.mark.parametrize(
    ("flows", "number"),
    [
        ((flow(),), 1),
        ((flow(), RESET, CLOSED), 3),
        ((flow(host="198.18.0.11"), ELSEWHERE, INCOMING), 0),
        ((flow(port=2526), flow(protocol="dns", port=53)), 0),
        ((flow(protocol="udp", outcome="answered"),), 1),
        ((flow(host="CLOSED.lab"),), 1),
    ],
)
def test_tries_count_what_goes_to_the_target(flows: Any, number: int) -> None:
    exactly = check(tries={"min": number, "max": number})
    found = apply_rule(exactly, evidence(observed(*flows)))
    assert found.holds
    assert found.expected.startswith("it connects to the target ")


@pytest.mark.parametrize(
    ("flows", "holds", "actual"),
    [
        ((RESET, CLOSED), True, "its connections: reset, closed"),
        ((CLOSED, RESET), False, "its connections: closed, reset"),
        ((RESET,), False, "its connections: reset"),
        ((RESET, ELSEWHERE), False, "its connections: reset"),
        ((ELSEWHERE,), False, "it made no connection"),
        ((flow(), CLOSED), False, "its connections: refused, closed"),
    ],
)
def test_again_after(flows: Any, holds: bool, actual: str) -> None:
    found = apply_rule(check(again_after="reset"), evidence(observed(*flows)))
    expected = "it tries again after a connection that was reset"
    assert told(found) == (holds, expected, actual)


COUNTED = [
    check(served="smtp message", times={"min": 0, "max": 9}),
    check(wire="tcp {host}:{port} refused"),
    check(tries={"min": 1}),
    secret("hunter2"),
]


@pytest.mark.parametrize("lost", [{"lost_packets": 1}, {"lost_events": 1}])
@pytest.mark.parametrize("rule", COUNTED, ids=lambda rule: rule.rule)
def test_what_was_lost_may_be_what_matters(rule: exercise.Check, lost: dict[str, int]) -> None:
    assert apply_rule(rule, evidence(observed())).holds
    found = apply_rule(rule, evidence(observed(**lost)))
    assert (found.holds, found.actual) == (False, UNSEEN)


@pytest.mark.parametrize("lost", [{"lost_packets": 1}, {"lost_events": 1}])
def test_another_try_may_have_been_lost(lost: dict[str, int]) -> None:
    again = check(again_after="reset")
    assert apply_rule(again, evidence(observed(RESET, CLOSED))).holds
    assert not apply_rule(again, evidence(observed(RESET, CLOSED, **lost))).holds


def test_where_nothing_was_captured_nothing_is_known() -> None:
    blind = evidence(returned(flows=None))
    assert isinstance(blind, RunEvidence)
    assert blind.is_incomplete
    assert not apply_rule(check(tries={"min": 0}), blind).holds
