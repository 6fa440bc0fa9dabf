"""Expected x observed -> verdict and reasons."""

from __future__ import annotations

from typing import Any

import pytest

from labctl.judge import judge
from labctl.model.expectation import Expectation
from labctl.model.result import Difference, Observation, Outcome, Unhandled, Verdict
from tests.unit.judge.samples import (
    STACK,
    event,
    exception,
    expectation,
    flow,
    frames,
    raised,
    returned,
    returning,
)

TIMEOUT = exception("TimeoutError", message="timed out", attrs={"errno": None}, symbols={})


def reasons(expected: Expectation, seen: Observation) -> list[str]:
    judgement = judge(expected, seen)
    assert judgement.verdict is (Verdict.FAIL if judgement.reasons else Verdict.PASS)
    assert judgement.reasons == tuple(d.message for d in judgement.differences)
    return list(judgement.reasons)


def test_what_is_as_expected_passes() -> None:
    judgement = judge(expectation(), raised())
    assert (judgement.verdict, judgement.reasons, judgement.differences) == (Verdict.PASS, (), ())


def test_nothing_is_judged_where_nothing_is_expected() -> None:
    assert judge(None, raised()).verdict is None


def test_another_exception_is_a_difference_and_its_attributes_are_not_compared() -> None:
    judgement = judge(expectation(), raised(exception=TIMEOUT))
    assert judgement.differences == (
        Difference(
            what="exception",
            expected="ConnectionRefusedError",
            actual="TimeoutError",
            message="expected ConnectionRefusedError, but TimeoutError was raised",
        ),
    )


def test_raises_is_exact_and_isa_admits_subclasses() -> None:
    assert reasons(expectation(raises="OSError"), raised()) == [
        "expected OSError, but ConnectionRefusedError was raised"
    ]
    assert reasons(expectation(raises=None, isa="OSError"), raised()) == []
    assert reasons(expectation(raises=None, isa="ValueError"), raised()) == [
        "expected a kind of ValueError, but ConnectionRefusedError was raised"
    ]


@pytest.mark.parametrize("wanted", ["ECONNREFUSED", 111, "111"])
def test_an_attribute_may_be_written_as_symbol_number_or_repr(wanted: object) -> None:
    assert reasons(expectation(attrs={"errno": wanted}), raised()) == []


@pytest.mark.parametrize(
    ("wanted", "value", "fits"),
    [
        (1, True, False),
        (True, 1, False),
        (True, True, True),
        (None, None, True),
        (None, 0, False),
        (1.5, 1.5, True),
        ("b'no'", "b'no'", True),
        ("b'no'", "no", False),
    ],
)
def test_an_attribute_is_compared_with_its_type(wanted: object, value: object, fits: bool) -> None:
    seen = raised(exception=exception(attrs={"code": value}))
    assert (reasons(expectation(attrs={"code": wanted}), seen) == []) is fits


def test_an_attribute_that_differs_or_is_not_there() -> None:
    judgement = judge(expectation(attrs={"errno": "ETIMEDOUT", "reason": "x"}), raised())
    assert judgement.differences == (
        Difference(
            what="attrs.errno",
            expected="ETIMEDOUT",
            actual="ECONNREFUSED (111)",
            message="expected errno to be ETIMEDOUT, but it was ECONNREFUSED (111)",
        ),
        Difference(
            what="attrs.reason",
            expected="x",
            actual="none",
            message="expected reason to be x, but ConnectionRefusedError has no reason",
        ),
    )


def test_the_message_must_contain_the_text() -> None:
    assert reasons(expectation(message="refused"), raised()) == []
    assert reasons(expectation(message="Refused"), raised()) == [
        "expected the message to contain 'Refused', but it was '[Errno 111] Connection refused'"
    ]
    nothing = raised(exception=exception(message=None))
    assert reasons(expectation(message="refused"), nothing) == [
        "expected the message to contain 'refused', but there was none"
    ]
    endless = raised(exception=exception(message="x" * 100_000))
    assert len(reasons(expectation(message="refused"), endless)[0]) < 300


@pytest.mark.parametrize("link", ["cause", "context"])
def test_what_led_to_an_exception_is_compared_in_depth(link: str) -> None:
    inner = exception("OSError").model_copy(update={link: TIMEOUT})
    seen = raised(exception=exception().model_copy(update={link: inner}))
    deep = {"raises": "OSError", link: {"raises": "ValueError"}}
    assert reasons(expectation(**{link: {"raises": "OSError"}}), seen) == []
    judgement = judge(expectation(**{link: deep}), seen)
    assert [d.what for d in judgement.differences] == [f"{link}.{link}.exception"]
    assert judgement.reasons == (
        f"expected ValueError as its {link}'s {link}, but TimeoutError was raised",
    )
    wrong = {"raises": "OSError", "attrs": {"errno": 1}, "message": "?"}
    assert [d.what for d in judge(expectation(**{link: wrong}), seen).differences] == [
        f"{link}.attrs.errno",
        f"{link}.message",
    ]


def test_no_cause_means_none() -> None:
    assert reasons(expectation(cause="none"), raised()) == []
    assert reasons(expectation(cause="none"), raised(exception=exception(cause=TIMEOUT))) == [
        "expected cause to be none, but it was TimeoutError"
    ]
    assert reasons(expectation(cause={"raises": "OSError"}), raised()) == [
        "expected cause to be OSError, but it was none"
    ]


def test_a_group_is_compared_in_its_order_and_must_be_as_large() -> None:
    group = exception("ExceptionGroup", attrs={}, group=(exception(), TIMEOUT))
    seen = raised(exception=group)

    def grouped(*types: str) -> Expectation:
        members = [{"raises": one} for one in types]
        return expectation(raises="ExceptionGroup", attrs={}, group=members)

    assert reasons(grouped("ConnectionRefusedError", "TimeoutError"), seen) == []
    swapped = judge(grouped("TimeoutError", "ConnectionRefusedError"), seen)
    assert [d.what for d in swapped.differences] == ["group[1].exception", "group[2].exception"]
    assert reasons(grouped("TimeoutError"), seen) == ["expected a group of 1, but there were 2"]
    assert reasons(expectation(group=[{"raises": "OSError"}]), raised()) == [
        "expected a group of 1, but there were 0"
    ]


def test_a_stack_that_differs_says_where() -> None:
    expected = [*STACK[:1], "smtplib:SMTP.connet", *STACK[2:]]
    judgement = judge(expectation(stack=expected), raised())
    assert judgement.differences == (
        Difference(
            what="stack",
            expected="\n".join(expected),
            actual="\n".join(STACK),
            message="in the stack, expected smtplib:SMTP.connet, but smtplib:SMTP.connect is there",
        ),
    )


def test_missing_and_extra_frames_are_told_and_counted() -> None:
    assert reasons(expectation(stack=list(STACK)), raised(stack=frames(*STACK[:-1]))) == [
        "in the stack, expected socket:create_connection, which is not there"
    ]
    (reason,) = reasons(expectation(stack=list(STACK[:2])), raised())
    assert reason == (
        "in the stack, smtplib:SMTP._get_socket is there, which was not expected "
        "(and 1 more difference)"
    )


def test_a_stack_is_judged_with_wildcards_or_not_at_all() -> None:
    assert reasons(expectation(stack=["...", STACK[-1]]), raised()) == []
    assert reasons(expectation(stack=None), raised(stack=())) == []
    assert reasons(expectation(stack=[]), raised(stack=())) == []


def test_the_stack_is_judged_even_where_the_exception_is_another() -> None:
    seen = raised(exception=TIMEOUT, stack=frames("socket:getaddrinfo"))
    judgement = judge(expectation(), seen)
    assert [d.what for d in judgement.differences] == ["exception", "stack"]


@pytest.mark.parametrize(
    ("expected", "actual", "fits"),
    [
        ("...", "anything at all", True),
        ("...", None, True),
        ("None", None, True),
        ("'a'", "'a'", True),
        ('"a"', "'a'", True),
        ("{'b': 1, 'a': 2}", "{'a': 2, 'b': 1}", True),
        ("{1, 2}", "{2, 1}", True),
        ("1", "True", False),
        ("(250, b'ok')", "(250, b'no')", False),
        ("1", "<socket object>", False),
        ("1", "1" + " " * 5000, False),
        ("1", "(" * 4000, False),
        ("1", "-" * 4000 + "1", False),
        ("1", "(" * 190 + "-" * 3600 + "1" + ")" * 190, False),
    ],
)
def test_what_a_client_returns(expected: str, actual: str | None, fits: bool) -> None:
    assert (reasons(returning(expected), returned(actual)) == []) is fits


def test_a_client_that_returns_something_else() -> None:
    assert reasons(returning("(250, b'ok')"), returned("{}")) == [
        "expected the client to return (250, b'ok'), but it returned {}"
    ]


def test_a_client_that_returns_where_it_should_raise_and_the_reverse() -> None:
    assert reasons(expectation(stack=None), returned("(220, b'hi')")) == [
        "expected ConnectionRefusedError, but nothing was raised: the client returned (220, b'hi')"
    ]
    assert reasons(returning("3"), raised()) == [
        "expected the client to return 3, but ConnectionRefusedError was raised"
    ]
    assert reasons(returning(), raised()) == [
        "expected the client to return, but ConnectionRefusedError was raised"
    ]


@pytest.mark.parametrize(
    ("outcome", "more", "clause"),
    [
        (
            Outcome.EXITED,
            {"exit": 0},
            "the client ended its process before it raised or returned anything (exit status 0)",
        ),
        (Outcome.KILLED, {"signal": "SIGSEGV"}, "the client was killed (SIGSEGV)"),
        (Outcome.OUT_OF_MEMORY, {}, "the client used up its memory and was killed"),
        (
            Outcome.TIMED_OUT,
            {"elapsed_s": 30.02},
            "the client was still running when its 30.0 s were up",
        ),
        (Outcome.GARBLED, {}, "what came out of the client's container was not a report"),
    ],
)
def test_an_end_without_an_exception_is_the_one_reason(
    outcome: Outcome, more: dict[str, Any], clause: str
) -> None:
    seen = Observation(outcome=outcome, **more)
    late = expectation(elapsed={"max": "1s"}, unhandled=[{"raises": "OSError"}])
    judgement = judge(late, seen)
    assert judgement.reasons == (f"expected ConnectionRefusedError, but {clause}",)
    assert judgement.differences[0].what == "outcome"
    assert judgement.differences[0].actual == outcome.value


def test_an_unhandled_exception_that_nobody_expected_is_a_difference() -> None:
    lost = Unhandled(where="Thread-1 (send)", exception=TIMEOUT)
    assert reasons(expectation(), raised(unhandled=(lost,))) == [
        "TimeoutError ended Thread-1 (send) unhandled, which was not expected"
    ]


def test_expected_unhandled_exceptions_may_come_in_any_order() -> None:
    refused = Unhandled(where="Task-2", exception=exception())
    late = Unhandled(where="Task-3", exception=TIMEOUT)
    both = [{"isa": "OSError"}, {"raises": "ConnectionRefusedError"}]
    assert reasons(expectation(unhandled=both), raised(unhandled=(refused, late))) == []
    assert reasons(expectation(unhandled=both), raised(unhandled=(late, refused))) == []
    assert reasons(expectation(unhandled=both), raised(unhandled=(late,))) == [
        "expected ConnectionRefusedError to end a thread or a task unhandled, but none did"
    ]


def test_the_time_has_bounds() -> None:
    bounds = {"min": "1s", "max": "1500ms"}
    assert reasons(expectation(elapsed=bounds), raised(elapsed_s=1.0)) == []
    assert reasons(expectation(elapsed=bounds), raised(elapsed_s=1.5)) == []
    assert reasons(expectation(elapsed=bounds), raised(elapsed_s=0.987)) == [
        "expected the client to take at least 1 s, but it took 0.987 s"
    ]
    assert reasons(expectation(elapsed=bounds), raised(elapsed_s=2.0)) == [
        "expected the client to take at most 1.5 s, but it took 2 s"
    ]


@pytest.mark.parametrize(
    ("bounds", "took", "said"),
    [
        ({"min": "10s"}, 9.99996, "at least 10 s, but it took 9.99996 s"),
        ({"max": "10s"}, 10.0004, "at most 10 s, but it took 10.0004 s"),
        ({"max": "700ms"}, 0.70004, "at most 0.7 s, but it took 0.70004 s"),
    ],
)
def test_a_time_is_seen_to_be_out_of_its_bounds(
    bounds: dict[str, str], took: float, said: str
) -> None:
    assert reasons(expectation(elapsed=bounds), raised(elapsed_s=took)) == [
        f"expected the client to take {said}"
    ]


@pytest.mark.parametrize(
    ("expected", "end"),
    [
        ({"message": "9" * 5000}, "9', but it was '[Errno 111] Connection refused'"),
        ({"attrs": {"errno": "9" * 5000}}, "9, but it was ECONNREFUSED (111)"),
        ({"stack": ["a:" + "b" * 5000]}, "b, but smtplib:SMTP.__init__ is there (and 3 more"),
        (
            {"wire": [f"dns {'a' * 5000} A answered"]},
            "A answered`, but the wire shows no such flow",
        ),
    ],
)
def test_a_reason_is_no_longer_than_people_read_and_has_its_end(
    expected: dict[str, Any], end: str
) -> None:
    first, *_ = reasons(expectation(**expected), raised(flows=(flow(),)))
    assert end in first[-200:]
    assert len(first) == 800


def test_what_the_scenario_says_nothing_about_is_named_as_not_judged() -> None:
    cases: list[tuple[dict[str, Any], tuple[str, ...]]] = [
        ({}, ("wire", "served")),
        ({"wire": "nothing"}, ("served",)),
        ({"wire": []}, ("served",)),
        ({"served": []}, ("wire",)),
        ({"wire": ["tcp a:1 refused"], "served": ["mail connect"]}, ()),
    ]
    for keys, unjudged in cases:
        for seen in (raised(), raised(flows=()), returned()):
            assert judge(expectation(**keys), seen).not_judged == unjudged
    assert judge(None, raised()).not_judged == ()


NO_CAPTURE = "the packets were not captured, so nobody can say what was on the wire"
LOST_PACKETS = "3 packets were too many for the capture, so nobody can say what was on the wire"
LOST_EVENTS = "2 of the services' events were too many to keep, so nobody can say what they served"
BOTH = {"wire": ["tcp closed.lab:2525 refused"], "served": ["mail connect"]}
WHOLE: dict[str, Any] = {"flows": (flow(),), "served": (event("connect"),)}


@pytest.mark.parametrize(
    ("missing", "gaps"),
    [
        ({}, ()),
        ({"flows": None}, (NO_CAPTURE,)),
        ({"flows": None, "lost_packets": 3}, (NO_CAPTURE,)),
        ({"lost_packets": 3}, (LOST_PACKETS,)),
        ({"lost_events": 2}, (LOST_EVENTS,)),
        ({"lost_packets": 3, "lost_events": 2}, (LOST_PACKETS, LOST_EVENTS)),
    ],
)
def test_evidence_that_is_missing_or_lost_keeps_from_a_pass(
    missing: dict[str, Any], gaps: tuple[str, ...]
) -> None:
    judgement = judge(expectation(**BOTH), raised(**{**WHOLE, **missing}))
    assert judgement.verdict is (Verdict.INCONCLUSIVE if gaps else Verdict.PASS)
    assert (judgement.reasons, judgement.differences) == (gaps, ())


@pytest.mark.parametrize(
    ("keys", "missing"),
    [
        ({"served": ["mail connect"]}, {"flows": None}),
        ({"served": ["mail connect"]}, {"lost_packets": 3}),
        ({"wire": ["tcp closed.lab:2525 refused"]}, {"lost_events": 2}),
        ({}, {"flows": None, "lost_packets": 3, "lost_events": 2}),
    ],
)
def test_evidence_that_nobody_asked_for_may_be_missing(
    keys: dict[str, Any], missing: dict[str, Any]
) -> None:
    judgement = judge(expectation(**keys), raised(**{**WHOLE, **missing}))
    assert (judgement.verdict, judgement.reasons) == (Verdict.PASS, ())


def test_what_is_not_as_expected_fails_whatever_else_is_missing() -> None:
    late = {"elapsed": {"max": "10ms"}}
    for missing in ({"flows": None}, {"lost_packets": 3}, {"lost_events": 2}):
        judgement = judge(expectation(**BOTH, **late), raised(**{**WHOLE, **missing}))
        assert judgement.verdict is Verdict.FAIL
        assert [d.what for d in judgement.differences] == ["elapsed"]
        assert judgement.reasons == tuple(d.message for d in judgement.differences)


@pytest.mark.parametrize(
    ("seen", "what"),
    [
        ({"flows": (flow(port=2526),), "served": (), "lost_events": 2}, ["wire", "wire"]),
        ({"flows": (flow("open"),), "lost_packets": 3, "served": ()}, ["served"]),
        ({"flows": None, "served": ()}, ["served"]),
        ({"flows": (flow("open"),), "lost_packets": 3, "served": (), "lost_events": 2}, []),
    ],
)
def test_what_was_not_lost_is_judged_and_what_was_is_not(
    seen: dict[str, Any], what: list[str]
) -> None:
    judgement = judge(expectation(stack=None, **BOTH), raised(stack=(), **seen))
    assert [d.what for d in judgement.differences] == what
    assert judgement.verdict is (Verdict.FAIL if what else Verdict.INCONCLUSIVE)


def test_the_claim_the_wire_and_the_servers_must_agree() -> None:
    seen = raised(stack=(), flows=(), served=())
    judgement = judge(expectation(stack=None, **BOTH), seen)
    assert judgement.reasons == (
        (
            "on the wire, expected `tcp closed.lab:2525 refused`, but no packet of the client "
            "was on the wire"
        ),
        "service mail did not say connect",
    )
    nothing = judge(expectation(stack=None, wire="nothing", served=[]), seen)
    assert nothing.verdict is Verdict.PASS
