"""Expected beside observed, fact by fact."""

from __future__ import annotations

from typing import Any

import pytest

from labctl.model.result import AttemptResult, Difference, Observation, Outcome
from labctl.report.documents.page.facts import Fact, compare_facts
from tests.unit.judge.samples import (
    STACK,
    event,
    exception,
    expectation,
    flow,
    raised,
    result,
    returned,
    returning,
)
from tests.unit.report.page.samples import (
    SEEN,
    WIRE,
    broken,
    failing,
    killed,
    passing,
    served,
    shown,
    unproven,
    wrong_attribute,
)


def lines(attempt: AttemptResult, what: str = "") -> list[tuple[str, ...]]:
    """Mark, expected and observed of the lines of one kind; of all with the kind before."""
    found = compare_facts(attempt)
    if what:
        return [(one.mark, one.expected, one.observed) for one in found if one.what == what]
    return [(one.what, one.mark, one.expected, one.observed) for one in found]


def test_all_that_is_as_expected() -> None:
    assert lines(passing()) == [
        (
            "end",
            "same",
            "ConnectionRefusedError",
            "ConnectionRefusedError: [Errno 111] Connection refused",
        ),
        ("attrs.errno", "same", "ECONNREFUSED", "ECONNREFUSED (111)"),
        *(("stack", "same", frame, frame) for frame in STACK),
        *(("wire", "same", line, line) for line in WIRE),
    ]


def test_another_exception_leaves_its_attributes_unjudged() -> None:
    assert lines(failing()) == [
        ("end", "differs", "ConnectionRefusedError", "TimeoutError: timed out"),
        ("attrs.errno", "unjudged", "ECONNREFUSED", ""),
        ("stack", "same", STACK[0], STACK[0]),
        ("stack", "same", STACK[1], STACK[1]),
        ("stack", "differs", STACK[2], "ssl:SSLSocket.read"),
        ("stack", "missing", STACK[3], ""),
        ("wire", "same", WIRE[0], WIRE[0]),
        ("wire", "differs", WIRE[1], "tcp closed.lab:2525 unanswered"),
    ]


def test_an_attribute_and_a_message_that_differ() -> None:
    found = lines(wrong_attribute())
    assert ("attrs.errno", "differs", "ECONNRESET", "ECONNREFUSED (111)") in found
    assert ("message", "differs", "with reset", "[Errno 111] Connection refused") in found


def test_servers_and_threads() -> None:
    found = served()
    assert lines(found, "end") == [("same", "returned 250", "returned 250")]
    assert lines(found, "served") == [
        ("same", "mail connect", "mail connect"),
        ("same", *["mail mail text=FROM:<ada@lab.test>", "mail mail text='FROM:<ada@lab.test>'"]),
        ("extra", "", "mail extra"),
    ]
    assert lines(found, "unhandled") == [("differs", "none", "ValueError")]
    assert lines(found, "wire") == [
        ("unjudged", "", "dns closed.lab A answered"),
        ("unjudged", "", "tcp closed.lab:2525 closed"),
    ]


def test_an_event_that_did_not_come() -> None:
    expected = returning("250", served=["mail connect", "mail quit"])
    one = result(returned("250", served=(event("connect"),)), expectation=expected)
    assert lines(one, "served") == [
        ("same", "mail connect", "mail connect"),
        ("missing", "mail quit", ""),
    ]


def test_look_ups_count_only_where_they_are_expected() -> None:
    seen = returned("250", served=(event("query", service="dns"), event("connect")))
    plain = result(seen, expectation=returning("250", served=["mail connect"]))
    assert lines(plain, "served") == [("same", "mail connect", "mail connect")]
    named = result(seen, expectation=returning("250", served=["dns query", "mail connect"]))
    assert [line[0] for line in lines(named, "served")] == ["same", "same"]


def test_what_is_forgiven_is_there_besides() -> None:
    dns = {"protocol": "dns", "address": "198.18.0.2", "port": 53}
    sixth = flow("nodata", **dns, detail={"dns": {"name": "closed.lab", "type": "AAAA"}})
    seen = raised(flows=(SEEN["flows"][0], sixth, flow()))
    one = result(seen, expectation=expectation(wire=WIRE))
    assert one.verdict == "pass"
    assert ("also", "", "dns closed.lab AAAA nodata") in lines(one, "wire")


def test_nothing_on_the_wire() -> None:
    wanted = expectation(wire="nothing")
    assert lines(result(raised(flows=()), expectation=wanted), "wire") == [("same", "nothing", "")]
    assert lines(result(raised(flows=None), expectation=wanted), "wire") == [
        ("unjudged", "nothing", "")
    ]
    two = result(raised(flows=(flow(), flow("closed"))), expectation=wanted)
    assert lines(two, "wire") == [
        ("differs", "nothing", "tcp closed.lab:2525 refused"),
        ("extra", "", "tcp closed.lab:2525 closed"),
    ]


def test_where_packets_were_lost_nothing_is_missing() -> None:
    assert [line[0] for line in lines(unproven(), "wire")] == ["same", "same"]
    seen = raised(flows=(), lost_packets=3)
    one = result(seen, expectation=expectation(wire=WIRE))
    assert [line[0] for line in lines(one, "wire")] == ["unjudged", "unjudged"]


def test_capitals_in_hosts_mean_nothing() -> None:
    one = result(
        raised(**SEEN), expectation=expectation(wire=[w.replace("lab", "LAB") for w in WIRE])
    )
    assert lines(one, "wire")[0] == ("same", "dns closed.LAB A answered", WIRE[0])


def test_dots_take_in_any_number_of_frames() -> None:
    one = result(expectation=expectation(stack=["...", STACK[3]]))
    assert lines(one, "stack") == [
        ("same", "...", STACK[0]),
        ("same", "", STACK[1]),
        ("same", "", STACK[2]),
        ("same", STACK[3], STACK[3]),
    ]


def test_chains_and_groups() -> None:
    inner = exception("OSError", attrs={"errno": 5}, symbols={})
    seen = raised(exception=exception(cause=inner, group=(inner,)))
    wanted: dict[str, Any] = {
        "cause": {"raises": "OSError", "attrs": {"errno": 6}},
        "context": "none",
        "group": [{"isa": "OSError", "attrs": {"errno": 5}}],
    }
    found = lines(result(seen, expectation=expectation(**wanted)))
    assert ("cause", "same", "OSError", "OSError") in found
    assert ("cause.attrs.errno", "differs", "6", "5") in found
    assert ("context", "same", "none", "none") in found
    assert ("group", "same", "a kind of OSError", "OSError") in found
    assert ("group[1].attrs.errno", "same", "5", "5") in found
    other = lines(result(seen, expectation=expectation(cause={"raises": "KeyError"})))
    assert ("cause", "differs", "KeyError", "OSError") in other


def test_times() -> None:
    one = result(expectation=expectation(elapsed={"min": "1s", "max": "2s"}))
    assert lines(one, "elapsed") == [("differs", "at least 1 s, at most 2 s", "0.04 s")]
    late = result(raised(elapsed_s=2.0001), expectation=expectation(elapsed={"max": "2s"}))
    assert lines(late, "elapsed") == [("differs", "at most 2 s", "2.0001 s")]


def test_who_was_killed_has_no_stack_to_judge() -> None:
    found = lines(killed())
    assert found[0] == ("end", "differs", "ConnectionRefusedError", "killed (SIGKILL)")
    assert {line[1] for line in found if line[0] == "stack"} == {"unjudged"}


def test_of_what_nothing_was_expected_it_tells_what_was_seen() -> None:
    assert lines(shown()) == [
        ("end", "unjudged", "", "returned {'status': 200}"),
        ("wire", "unjudged", "", WIRE[0]),
        ("wire", "unjudged", "", WIRE[1]),
    ]


def test_of_what_was_not_made_there_is_nothing() -> None:
    assert compare_facts(broken()) == []


def test_doubts_have_their_own_lines() -> None:
    doubt = Difference(what="calls", expected="a call", actual="none", message="no call")
    one = passing().model_copy(update={"differences": (doubt,)})
    assert compare_facts(one)[-1] == Fact("calls", "differs", "a call", "none")


def test_what_a_policy_admits() -> None:
    policy: dict[str, Any] = {"expected": {"policy": {"exits": [0]}}}
    good = result(expectation=None).model_copy(update=policy)
    assert lines(good, "end") == [
        ("same", "what the policy admits", "ConnectionRefusedError: [Errno 111] Connection refused")
    ]
    found = Difference(what="exception", expected="OSError", actual="ValueError", message="no")
    exit_ = Difference(what="exit", expected="0", actual="3", message="no")
    bad = good.model_copy(update={"differences": (found, exit_)})
    assert lines(bad, "end")[0][:2] == ("differs", "OSError")
    assert lines(bad, "exit") == [("differs", "0", "3")]


@pytest.mark.parametrize("expected", [{"raises": 3}, {"stack": "x"}, {"what": []}, {}])
def test_an_expectation_that_is_none_leaves_the_differences(expected: dict[str, Any]) -> None:
    one = failing().model_copy(update={"expected": expected})
    found = compare_facts(one)
    wanted = "ConnectionRefusedError"
    assert found[0] == Fact("end", "differs", wanted, "TimeoutError: timed out")


def test_more_flows_than_anyone_reads_are_counted() -> None:
    seen = Observation(outcome=Outcome.RETURNED, returned="1", flows=(flow(),) * 1000)
    one = result(seen, expectation=returning("1", wire=WIRE))
    assert lines(one, "wire")[-1] == ("unjudged", "", "and 940 more")
    assert {line[0] for line in lines(one, "wire")[:-1]} <= {"missing", "extra", "same", "differs"}


def test_a_long_wait_for_a_processor_is_told() -> None:
    one = result(raised(starved_s=1.23))
    assert lines(one, "starved") == [("unjudged", "", "1.2 s without a processor")]
    assert lines(result(raised(starved_s=0.1)), "starved") == []
