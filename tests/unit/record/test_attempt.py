"""What is recorded of an attempt, and what is not."""

# ruff: noqa: E501 a case is one row of a table

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from labctl.errors import EngineError
from labctl.model.flow_detail import DnsDetail, FlowDetail
from labctl.model.result import (
    AttemptResult,
    ExceptionInfo,
    Flow,
    Observation,
    Origin,
    Outcome,
    Unhandled,
)
from labctl.model.scenario import Attempt
from labctl.pythons import SERIES
from labctl.record.attempt import AttemptRecording, record
from labctl.results.attempt import lab_error_result
from tests.unit.judge.samples import (
    CONNECT,
    STACK,
    event,
    exception,
    expectation,
    flow,
    frames,
    interpreter,
    planned,
    raised,
    result,
    returned,
)

BLANK = Attempt(name="smtplib", source="", origin="x", expectations=())
REFUSED: dict[str, Any] = {
    "raises": "ConnectionRefusedError",
    "attrs": {"errno": "ECONNREFUSED"},
    "cause": "none",
    "context": "none",
    "stack": list(STACK),
    "elapsed": {"max": "10s"},
    "wire": ["tcp closed.lab:2525 refused"],
    "served": [],
}


def refused(**changes: Any) -> Observation:
    return raised(**{"flows": (flow(),), **changes})


def question(kind: str, outcome: str) -> Flow:
    detail = FlowDetail(dns=DnsDetail(name="closed.lab", type=kind))
    return flow(outcome, protocol="dns", host="closed.lab", detail=detail)


def found(
    observations: Mapping[str, Sequence[Observation]], attempt: Attempt = BLANK
) -> AttemptRecording:
    """What is recorded of what was observed in each series."""
    results: dict[str, list[AttemptResult]] = {
        series: [
            result(one, interpreter=interpreter(f"{series}.5"), expectation=None, repeat=number)
            for number, one in enumerate(repeats, 1)
        ]
        for series, repeats in observations.items()
    }
    return record(attempt, results, known=SERIES)


def only(*repeats: Observation) -> dict[str, Any]:
    """The one variant that repeats on one Python make."""
    recorded = found({"3.13": repeats})
    assert recorded.problem == ""
    assert len(recorded.variants) == 1
    return recorded.variants[0]


def test_a_refused_port_is_told_as_tightly_as_it_can_be() -> None:
    seen = refused(flows=(question("A", "answered"), question("AAAA", "nodata"), flow()))
    wire = ["dns closed.lab A answered", "tcp closed.lab:2525 refused"]
    assert only(seen, seen) == {**REFUSED, "wire": wire}


def test_the_keys_stand_in_the_order_of_the_bundled_scenarios() -> None:
    assert list(only(refused())) == list(REFUSED)


def test_a_question_for_an_address_that_was_answered_is_expected() -> None:
    seen = refused(flows=(question("A", "answered"), question("AAAA", "answered")))
    assert only(seen)["wire"] == ["dns closed.lab A answered", "dns closed.lab AAAA answered"]


def test_an_address_of_one_lab_is_not_written() -> None:
    arp = flow("unanswered", protocol="arp", host="198.19.217.9", port=0)
    recorded = found({"3.13": [refused(flows=(arp,))]})
    assert "wire" not in recorded.variants[0]
    note = "wire has an address that another lab does not have: left out (Python 3.13)"
    assert note in recorded.notes
    named = arp.model_copy(update={"host": "gateway.lab"})
    assert only(refused(flows=(named,)))["wire"] == ["arp gateway.lab unanswered"]


def test_no_packet_is_nothing_on_the_wire() -> None:
    assert only(raised(flows=(), calls=(), stack=(), exception=own()))["wire"] == "nothing"


def own(type_: str = "ValueError", **changes: Any) -> ExceptionInfo:
    """An exception without a number."""
    given = {"bases": (type_, "Exception", "object"), "attrs": {}, "symbols": {}, "message": "bad"}
    return exception(type_, **{**given, **changes})


@pytest.mark.parametrize(
    ("attrs", "symbols", "bases", "recorded"),
    [
        ({"errno": 111, "strerror": "x"}, {"errno": "ECONNREFUSED"}, (), {"errno": "ECONNREFUSED"}),
        ({"errno": 9999}, {}, (), {"errno": 9999}),
        ({"errno": None}, {}, (), None),
        (
            {"errno": 1, "reason": "CERTIFICATE_VERIFY_FAILED", "verify_code": 18},
            {"errno": "SSL_ERROR_SSL"},
            ("ssl.SSLCertVerificationError", "ssl.SSLError"),
            {"errno": "SSL_ERROR_SSL", "verify_code": 18, "reason": "CERTIFICATE_VERIFY_FAILED"},
        ),
        ({"smtp_code": 550, "smtp_error": "b'no'"}, {}, ("smtplib.SMTPResponseException",), {"smtp_code": 550}),
        ({"recipients": "{'a@b': (550, b'no')}"}, {}, ("smtplib.SMTPRecipientsRefused",), {"recipients": "{'a@b': (550, b'no')}"}),
        ({"recipients": "{'a@198.18.0.3': 1}"}, {}, ("smtplib.SMTPRecipientsRefused",), None),
        ({"code": 404, "hdrs": "<x at 0x7f00>"}, {}, ("urllib.error.HTTPError",), {"code": 404}),
        ({"code": 404}, {}, ("__main__.Own",), None),
    ],
)  # fmt: skip
def test_attributes_that_say_what_happened(
    attrs: dict[str, Any],
    symbols: dict[str, str],
    bases: tuple[str, ...],
    recorded: dict[str, Any] | None,
) -> None:
    seen = own("__main__.Own", attrs=attrs, symbols=symbols, bases=("__main__.Own", *bases))
    assert only(refused(exception=seen, stack=())).get("attrs") == recorded


def test_a_timeout_of_python_has_no_number_and_that_is_said() -> None:
    seen = own("TimeoutError", attrs={"errno": None}, message="timed out")
    assert only(refused(exception=seen))["attrs"] == {"errno": None}


def test_what_it_is_chained_to() -> None:
    seen = own("urllib.error.URLError", context=exception(), message="<urlopen error>")
    kept = only(refused(exception=seen))
    assert kept["cause"] == "none"
    assert kept["context"] == {
        "raises": "ConnectionRefusedError",
        "attrs": {"errno": "ECONNREFUSED"},
    }
    assert "message" not in kept


def test_a_group_and_what_ended_threads() -> None:
    group = own("ExceptionGroup", group=(own(), exception()))
    thread = Unhandled(where="thread", exception=own("KeyError"))
    kept = only(refused(exception=group, unhandled=(thread,), stack=()))
    assert kept["group"] == [
        {"raises": "ValueError"},
        {"raises": "ConnectionRefusedError", "attrs": {"errno": "ECONNREFUSED"}},
    ]
    assert kept["unhandled"] == [{"raises": "KeyError"}]


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("port must be 0-65535", "port must be 0-65535"),
        ("no route to 198.18.3.4", None),
        ("EOF (_ssl.c:1006)", None),
        ("<x object at 0x7f5c3a>", None),
        ("at 12:30:01", None),
        ("x" * 81, None),
        (" ", None),
        (None, None),
    ],
)
def test_a_message_that_stays_so_where_there_is_no_number(
    message: str | None, kept: str | None
) -> None:
    assert only(refused(exception=own(message=message), stack=())).get("message") == kept


def test_a_message_that_another_python_rewords_is_left_out() -> None:
    seen = {
        series: [refused(exception=own(message=text), stack=())]
        for series, text in (("3.13", "one"), ("3.9", "other"))
    }
    recorded = found(seen)
    assert len(recorded.variants) == 1
    assert "message" not in recorded.variants[0]


@pytest.mark.parametrize(
    ("value", "kept"),
    [(None, "None"), ("{}", "{}"), ("<x at 0x7f5c3a>", "..."), ("'198.18.0.1'", "...")],
)
def test_a_value(value: str | None, kept: str) -> None:
    recorded = only(returned(value, flows=(), elapsed_s=0.1))
    assert recorded == {"returns": kept, "elapsed": {"max": "10s"}, "wire": "nothing", "served": []}


def test_what_servers_said_without_what_differs_from_day_to_day() -> None:
    sent: dict[str, Any] = {"from": "ada@lab.test", "to": "bob, eve"}
    said = (
        event("query", service="dns", name="mail.lab"),
        event("connect"),
        event("ehlo", name="[127.0.0.1]"),
        event("message", **sent, size=412),
        event("disconnect", error=""),
    )
    assert only(refused(served=said))["served"] == [
        "mail connect",
        "mail ehlo",
        "mail message from=ada@lab.test to='bob, eve'",
        "mail disconnect",
    ]


def test_details_that_differ_between_pythons_make_no_variants() -> None:
    said = {
        series: [refused(served=(event("request", path="/", agent=f"Python-urllib/{series}"),))]
        for series in ("3.13", "3.9")
    }
    assert [one["served"] for one in found(said).variants] == [["mail request path=/"]]


@pytest.mark.parametrize(
    ("times", "bounds"),
    [
        ((1.014, 1.3), {"min": "800ms", "max": "10s"}),
        ((2.0, 0.65), {"min": "500ms", "max": "10s"}),
        ((0.4, 3.0), {"max": "10s"}),
        ((5.1, 7.2), {"min": "4s", "max": "15s"}),
    ],
)
def test_bounds_of_time(times: tuple[float, ...], bounds: dict[str, str]) -> None:
    """The samples' one call is made after 10 ms."""
    assert only(*(refused(elapsed_s=s) for s in times))["elapsed"] == bounds


def test_a_machine_that_is_busy_before_anything_is_asked_for_makes_no_bound() -> None:
    late = CONNECT.model_copy(update={"at_s": 1.9})
    assert only(refused(elapsed_s=2.0, calls=(late,)))["elapsed"] == {"max": "10s"}


def test_a_machine_that_is_busy_for_a_while_makes_no_variants_and_no_bound() -> None:
    seen = {"3.13": [refused(elapsed_s=0.9)] * 2, "3.12": [refused(elapsed_s=0.1)] * 2}
    assert [one["elapsed"] for one in found(seen).variants] == [{"max": "10s"}]


def test_what_differs_between_repeats_is_loosened_or_left_out_and_said() -> None:
    other = refused(
        exception=exception(attrs={"errno": 104}, symbols={"errno": "ECONNRESET"}),
        stack=frames(STACK[0], "smtplib:SMTP.other", *STACK[2:]),
        flows=(flow("reset"),),
        served=(event("connect"),),
    )
    recorded = found({"3.13": [refused(), other]})
    (kept,) = recorded.variants
    assert kept["stack"] == [STACK[0], "...", *STACK[2:]]
    assert {"attrs", "wire", "served"}.isdisjoint(kept)
    assert recorded.notes == (
        "attrs.errno differs between repeats: left out (Python 3.13)",
        "stack differs between repeats: `...` where it does (Python 3.13)",
        "wire differs between repeats: left out (Python 3.13)",
        "served differs between repeats: left out (Python 3.13)",
    )


def test_repeats_that_raise_kinds_of_the_same() -> None:
    bases = ("ConnectionError", "OSError", "Exception", "object")
    kinds = [
        exception(name, bases=(name, *bases), origin=None)
        for name in ("ConnectionResetError", "BrokenPipeError")
    ]
    recorded = found({"3.13": [refused(exception=one) for one in kinds]})
    assert recorded.variants[0]["isa"] == "ConnectionError"
    assert recorded.notes[0].startswith("raises repeats raise ConnectionResetError and BrokenPipe")


@pytest.mark.parametrize(
    ("seen", "problem"),
    [
        ((refused(), returned()), "its repeats differ: raised and returned"),
        ((refused(exception=own()), refused(exception=own("KeyError"))), "its repeats raise ValueError and KeyError"),
        ((Observation(outcome=Outcome.TIMED_OUT, elapsed_s=30.0),), "on Python 3.13 the client was still running when its 30.0 s were up"),
        ((Observation(outcome=Outcome.EXITED, exit=3),), "on Python 3.13 the client ended its process"),
        ((refused(lost_packets=3),), "on Python 3.13.5 3 packets were too many for the capture"),
        ((refused(flows=None),), "on Python 3.13.5 the packets were not captured"),
        ((refused(tampered=("traced it",)),), "on Python 3.13.5 the client traced it"),
        ((refused(exception=exception(origin=Origin(client=True, how="raise", line=1)), stack=()),), "on Python 3.13.5 ConnectionRefusedError was"),
        ((refused(exception=exception("socket.Nope")),), "no exception is called socket.Nope"),
    ],
)  # fmt: skip
def test_what_is_not_recorded(seen: tuple[Observation, ...], problem: str) -> None:
    recorded = found({"3.13": seen})
    assert recorded.variants == ()
    assert recorded.problem.startswith(problem)


def test_a_lab_that_broke_records_nothing_of_the_attempt() -> None:
    broken = lab_error_result(planned(), EngineError("no room", hint="make some"))
    recorded = record(BLANK, {"3.13": [result(refused())], "3.9": [broken]}, known=SERIES)
    assert recorded.problem == "on Python 3.9 the lab broke: no room; make some"


def test_what_is_expected_already_holds_whatever_time_it_took() -> None:
    given = {**REFUSED, "elapsed": {"min": "20ms", "max": "1s"}}
    there = Attempt(name="a", source="", origin="x", expectations=(expectation(**given),))
    assert not found({"3.13": [refused()]}, there).has_news
    assert found({"3.13": [refused(elapsed_s=2.0)]}, there).has_news
    assert found({"3.13": [refused(flows=(flow("reset"),))]}, there).has_news
