"""A report is a claim, and may be anything."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.judge import judge, observe
from labctl.judge.observe import start_of
from labctl.model.evidence import Capture
from labctl.model.messages import REPORT_LIMIT, ProcessorTimes
from labctl.model.result import Observation, Outcome, ServerEvent
from labctl.run.examine import read_capture
from labctl.wire.explanation import explain
from tests.unit.judge.samples import evidence, expectation, flow, report
from tests.unit.wire.captures import recorded
from tests.unit.wire.drawn import draw_ladder

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=3,
)
KEYS = st.sampled_from([*Observation.model_fields, "probe", "python"])


def observed(raw: bytes, **changes: Any) -> Observation:
    return observe(evidence(raw, **changes))


def test_a_report_becomes_an_observation_with_layers() -> None:
    seen = observed(report())
    assert seen.outcome is Outcome.RAISED
    assert seen.exception is not None
    assert seen.exception.type == "ConnectionRefusedError"
    assert [(f.module, f.line, f.layer) for f in seen.stack] == [("socket", 870, "transport")]
    assert (seen.elapsed_s, seen.exit) == (0.04, 1)


def test_a_layer_that_a_report_claims_does_not_count() -> None:
    frame = {"module": "socket", "qualname": "getaddrinfo", "layer": "application"}
    unhandled = {"where": "Thread-1", "exception": {"type": "OSError"}, "stack": [frame]}
    seen = observed(report(stack=[frame], unhandled=[unhandled]))
    assert seen.stack[0].layer == "name resolution"
    assert seen.unhandled[0].stack[0].layer == "name resolution"


OWN = (ServerEvent(service="mail", at_s=1.0, event="helo"),)
FORGED: dict[str, Any] = {
    "flows": [flow().model_dump()],
    "packets": [
        {
            "at_s": 0.0, "interface": "eth0", "source": "a", "destination": "b",
            "protocol": "tcp", "length": 1, "info": "",
        }
    ],
    "lost_packets": 9,
    "lost_events": 9,
    "served": [{"service": "mail", "at_s": 1.0, "event": "message"}],
}  # fmt: skip


@pytest.mark.parametrize("key", FORGED)
def test_what_others_saw_is_never_taken_from_a_report(key: str) -> None:
    forged = report(**{key: FORGED[key]})
    assert observed(forged) == observed(report())
    assert observed(forged, served=OWN, served_lost=2) == observed(
        report(), served=OWN, served_lost=2
    )
    capture = Capture(packets=tuple(recorded("refused")), lost=3, names={}, resolvers=())
    wire = read_capture(capture)
    seen = observe(evidence(forged, capture=capture), wire)
    assert seen == observe(evidence(report(), capture=capture), wire)
    assert getattr(seen, key) != getattr(Observation(outcome=Outcome.RAISED, **FORGED), key)


def test_wire_and_servers_are_what_the_tap_and_the_services_saw() -> None:
    capture = Capture(packets=tuple(recorded("refused")), lost=3, names={}, resolvers=())
    wire = read_capture(capture)
    seen = observe(evidence(report(), capture=capture, served=OWN, served_lost=2), wire)
    assert seen.flows == wire.flows != ()
    assert len(seen.packets) == len(wire.packets)
    assert (seen.lost_packets, seen.lost_events, seen.served) == (3, 2, OWN)
    none = observed(report())
    assert (none.flows, none.packets, none.lost_packets) == (None, (), 0)


def test_a_capture_without_packets_is_a_capture() -> None:
    capture = Capture(packets=(), lost=0, names={}, resolvers=())
    seen = observe(evidence(report(), capture=capture), read_capture(capture))
    assert seen.flows == ()


def test_packets_are_told_by_the_time_since_the_client_started() -> None:
    capture = Capture(packets=tuple(recorded("refused")), lost=0, names={}, resolvers=())
    wire = read_capture(capture)
    first = wire.packets[0].at_ns
    seen = observe(evidence(report(started_ns=first - 2_000_000), capture=capture), wire)
    assert seen.packets[0].at_s == pytest.approx(0.002)
    seen = observe(evidence(report(), capture=capture), wire)
    assert seen.packets[0].at_s == 0.0
    killed = observe(evidence(b"", capture=capture), wire)
    assert killed.flows == wire.flows
    assert killed.packets[0].at_s == 0.0


@pytest.mark.parametrize("claimed", [-1.0, 1.5, 10**30])
def test_a_client_cannot_have_run_longer_than_its_container(claimed: float) -> None:
    assert observed(report(elapsed_s=claimed)).elapsed_s == 1.0


GARBAGE = {
    "text": b"Traceback (most recent call last):",
    "not UTF-8": b"\xff\xfe\x00",
    "cut off": report()[:-1],
    "two reports": report() * 2,
    "a number": b"1",
    "an array": b"[]",
    "no report of the probe": b'{"outcome": "returned"}',
    "another version of the probe": report(probe=2),
    "an unknown outcome": report(outcome="passed"),
    "a wrong type": report(stack=3),
    "a wrong type within": report(stack=[{"module": 1, "qualname": []}]),
    "raised, but no exception": report(exception=None),
    "returned, but an exception": report(outcome="returned"),
    "NaN": report(elapsed_s=float("nan")),
    "Infinity": report(elapsed_s=float("inf")),
    "beyond a float": report().replace(b"0.04", b"1e999"),
    "beyond an int": report().replace(b"0.04", b"9" * 5000),
    "nested deeply": b"[" * 100_000,
    "nested deeply in a report": report(extra=json.loads("[" * 200 + "]" * 200)),
    "started before there were clocks": report(started_ns=-1),
    "started too late for any clock": report(started_ns=1 << 63),
    "a call before the start": report(calls=[{"at_s": -0.1, "event": "socket.connect"}]),
    "a call at the end of time": report(calls=[{"at_s": 1e300, "event": "socket.connect"}]),
    "too many frames": report(stack=[{"module": "m", "qualname": "q"}] * 257),
    "too long": report(stdout="x" * (1 << 20)),
}


@pytest.mark.parametrize("raw", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_is_an_outcome_with_a_name(raw: bytes) -> None:
    seen = observed(raw)
    assert seen == Observation(outcome=Outcome.GARBLED, exit=0, elapsed_s=1.0)


def test_lone_surrogates_are_escaped() -> None:
    raw = report(stdout="a\udc80", exception={"type": "OSError", "attrs": {"\udcff": "\ud800"}})
    seen = observed(raw)
    assert seen.exception is not None
    assert (seen.stdout, seen.exception.attrs) == ("a\\udc80", {"\\udcff": "\\ud800"})
    assert seen.model_dump_json()


@pytest.mark.parametrize(
    ("changes", "outcome", "exit_status", "signal"),
    [
        ({"exit": 0}, Outcome.EXITED, 0, None),
        ({"exit": 3}, Outcome.EXITED, 3, None),
        ({"exit": 255}, Outcome.EXITED, 255, None),
        ({"exit": 137}, Outcome.KILLED, None, "SIGKILL"),
        ({"exit": 139}, Outcome.KILLED, None, "SIGSEGV"),
        ({"exit": 137, "out_of_memory": True}, Outcome.OUT_OF_MEMORY, None, "SIGKILL"),
        ({"exit": None}, Outcome.TIMED_OUT, None, None),
        ({"exit": None, "out_of_memory": True}, Outcome.TIMED_OUT, None, None),
    ],
)
def test_without_a_report_the_containers_end_tells(
    changes: dict[str, Any], outcome: Outcome, exit_status: int | None, signal: str | None
) -> None:
    seen = observed(b"", **changes)
    assert (seen.outcome, seen.exit, seen.signal) == (outcome, exit_status, signal)


def test_who_had_to_be_ended_was_still_running_whatever_was_reported() -> None:
    seen = observed(report(), exit=None, elapsed_s=30.0)
    assert (seen.outcome, seen.elapsed_s) == (Outcome.TIMED_OUT, 30.0)


def test_a_killed_client_whose_memory_ran_out_is_out_of_memory() -> None:
    raw = report(outcome="killed", exception=None, signal="SIGKILL")
    assert observed(raw).outcome is Outcome.KILLED
    assert observed(raw, out_of_memory=True).outcome is Outcome.OUT_OF_MEMORY


def test_a_client_that_outlived_a_child_that_ran_out_of_memory_is_believed() -> None:
    assert observed(report(), out_of_memory=True).outcome is Outcome.RAISED


@given(st.binary(max_size=200))
@settings(max_examples=200)
def test_any_bytes_can_be_observed(raw: bytes) -> None:
    assert observed(raw).outcome in (Outcome.GARBLED, Outcome.EXITED)


CAPTURE = Capture(packets=tuple(recorded("refused")), lost=0, names={}, resolvers=())
WIRE = read_capture(CAPTURE)


@given(st.dictionaries(KEYS, JSON, max_size=2))
def test_any_change_of_a_report_can_be_observed_judged_drawn_and_written(
    changes: dict[str, Any],
) -> None:
    seen = observe(evidence(report(**changes), capture=CAPTURE), WIRE)
    judge(expectation(wire=["tcp closed.lab:2525 refused"], served=[]), seen)
    draw_ladder(WIRE, seen, start_ns=start_of(WIRE, seen))
    explain(WIRE, seen)
    assert Observation.model_validate_json(seen.model_dump_json()) == seen


@pytest.mark.parametrize(
    "forged",
    [
        report() + b"\n" + report(exit=2) + b"\n",
        report().strip() + b"\n" * (REPORT_LIMIT - len(report().strip())),
    ],
    ids=["two lines", "what filled all the room"],
)
def test_more_than_one_line_is_no_report(forged: bytes) -> None:
    assert observe(evidence(report=forged)).outcome is Outcome.GARBLED


@pytest.mark.parametrize(
    ("starved", "ran", "services", "found"),
    [
        (0.5, 0.1, ProcessorTimes(), 0.5),
        (0.5, 0.1, ProcessorTimes(cpu_s=0.0, waited_s=0.7), 1.1),
        # While the client runs, services may have to wait for it; and it for them.
        (0.0, 0.9, ProcessorTimes(cpu_s=0.0, waited_s=0.7), 0.0),
        (0.5, 0.1, ProcessorTimes(cpu_s=0.4, waited_s=0.0), 0.1),
        (0.0, 0.0, ProcessorTimes(cpu_s=0.7, waited_s=0.7), 0.0),
        # Nobody waits for longer than it took.
        (0.5, 0.1, ProcessorTimes(cpu_s=0.0, waited_s=90.0), 2.0),
    ],
)
def test_who_waits_while_the_client_or_its_services_run_is_not_starved(
    starved: float, ran: float, services: ProcessorTimes, found: float
) -> None:
    told = report(starved_s=starved, cpu_s=ran)
    seen = observe(evidence(told, elapsed_s=2.0, services=services))
    assert seen.starved_s == pytest.approx(found)


def test_services_that_a_client_keeps_busy_wait_for_each_other() -> None:
    """Four of them share one processor with a client: nobody else is on the machine."""
    busy = ProcessorTimes.together([ProcessorTimes(cpu_s=0.5, waited_s=1.5)] * 4)
    told = report(starved_s=1.7, cpu_s=0.3)
    assert observe(evidence(told, elapsed_s=5.0, services=busy)).starved_s == 0
    assert ProcessorTimes.together([]) == ProcessorTimes()


@pytest.mark.parametrize("claimed", [{"starved_s": -1.0}, {"cpu_s": -1.0}, {"starved_s": 1e9}])
def test_impossible_times_are_no_report(claimed: dict[str, float]) -> None:
    assert observe(evidence(report(**claimed))).outcome is Outcome.GARBLED
