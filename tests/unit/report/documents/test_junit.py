"""JUnit XML, read back."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from junitparser import xunit2

from labctl.model.result import Result, Verdict
from labctl.report.documents.junit import junit
from labctl.text import escape_control, escape_lines
from tests.unit.judge.samples import interpreter, raised
from tests.unit.report.documents.results import (
    NASTY,
    broken,
    everything,
    failed,
    nasty,
    passed,
    run,
    shown,
    unproven,
)

ANY_TEXT = st.text(st.characters(), max_size=60)


def read(result: Result) -> xunit2.JUnitXml:
    found = xunit2.JUnitXml.fromstring(junit(result))
    assert isinstance(found, xunit2.JUnitXml)
    return found


def suites(result: Result) -> list[Any]:
    return list(read(result))


def cases(result: Result) -> list[Any]:
    return [case for suite in read(result) for case in suite]


def properties(of: Any) -> dict[str, str]:
    """Those of a suite or a case."""
    return {one.name: one.value for one in of.properties()}


def test_every_verdict_has_its_kind_of_case() -> None:
    found = cases(everything())
    kinds = [
        "failure" if one.is_failure else "error" if one.is_error else "passed" for one in found
    ]
    assert kinds == ["passed", "failure", "failure", "error", "passed"]
    assert [properties(one)["labctl.verdict"] for one in found] == [
        "pass",
        "fail",
        "inconclusive",
        "error",
        "shown",
    ]


def test_cases_are_named_by_scenario_attempt_python_client_and_repeat() -> None:
    made = run(passed(), shown(repeat=2, interpreter=interpreter("3.9.2")))
    assert [(one.classname, one.name) for one in cases(made)] == [
        ("tcp.refused-port", "smtplib [3.13.5]"),
        ("tcp.refused-port", "my [3.9.2, my.py, repeat 2]"),
    ]


def test_a_scenario_without_a_layer_has_its_name_alone() -> None:
    assert cases(run(passed(), scenarios={}))[0].classname == "refused-port"


def test_counts_are_those_of_the_run() -> None:
    made = run(passed(), failed(), unproven(scenario="other"), broken(scenario="other"), shown())
    root = read(made)
    assert (root.tests, root.failures, root.errors) == (5, 2, 1)
    numbers = [(one.name, one.tests, one.failures, one.errors) for one in root]
    assert numbers == [("tcp.refused-port", 3, 1, 0), ("tcp.other", 2, 1, 1)]
    assert root.failures == made.summary[Verdict.FAIL] + made.summary[Verdict.INCONCLUSIVE]
    assert root.errors == made.summary[Verdict.ERROR]


def test_counts_are_there_for_who_does_not_count_himself() -> None:
    root = ET.fromstring(junit(everything()))  # noqa: S314
    for element in (root, root[0]):
        assert {name: element.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
            "tests": "5",
            "failures": "2",
            "errors": "1",
            "skipped": "0",
        }


def test_times_are_those_of_containers() -> None:
    slow = passed().model_copy(update={"took_s": 1.5, "elapsed_s": 0.25})
    client = passed(repeat=2).model_copy(update={"elapsed_s": 0.25})
    made = run(slow, client)
    assert [one.time for one in cases(made)] == [1.5, 0.25]
    assert read(made).time == 1.75
    assert suites(made)[0].timestamp == "2023-11-14T22:13:20"


def test_a_run_of_which_nobody_noted_the_start_has_no_timestamp() -> None:
    assert suites(run(passed(), started=0.0))[0].timestamp is None


def test_a_case_has_the_line_of_its_attempt() -> None:
    first, unknown = cases(run(passed(), broken()))
    attributes = first._elem.attrib  # noqa: SLF001
    assert (attributes["file"], attributes["line"]) == (
        "/repo/scenarios/tcp/refused-port.yaml",
        "12",
    )
    assert "line" not in unknown._elem.attrib  # noqa: SLF001


def test_a_failure_says_what_differs_and_shows_the_stacks_and_the_ladder() -> None:
    (failure,) = cases(run(failed()))[0].result
    assert failure.type == "attrs.errno"
    assert failure.message == (
        "expected errno to be 5, but it was ECONNREFUSED (111); "
        "in the stack, expected smtplib:SMTP.connet, but smtplib:SMTP.connect is there"
    )
    assert failure.text == (
        """\
expected errno to be 5, but it was ECONNREFUSED (111)
in the stack, expected smtplib:SMTP.connet, but smtplib:SMTP.connect is there

stack (- expected, + observed):
  smtplib:SMTP.__init__
- smtplib:SMTP.connet
+ smtplib:SMTP.connect
  smtplib:SMTP._get_socket
  socket:create_connection

ended: ConnectionRefusedError: [Errno 111] Connection refused

The port refused.

      ms   client                                   closed.lab
    12.5   ├─ SYN ──────────────────────────────────────▶│
    13.0   │◀─ RST ──────────────────────────────────────┤
Not drawn: 1 packet."""
    )


def test_missing_evidence_is_a_failure_of_its_own_type() -> None:
    (failure,) = cases(run(unproven()))[0].result
    assert failure.type == "inconclusive"
    assert failure.text.startswith("the packets were not captured, so nobody can say what was on")
    assert "\nstack:\n  smtplib:SMTP.__init__\n" in failure.text


def test_a_broken_lab_is_an_error_with_what_broke_and_what_to_do() -> None:
    (error,) = cases(run(broken()))[0].result
    assert (error.type, error.message) == (
        "lab",
        "service dns died: no such file; run labctl doctor",
    )
    assert error.text == "service dns died:\n  no such file\nrun labctl doctor"


def test_who_was_not_judged_says_so() -> None:
    assert properties(cases(run(shown()))[0]) == {
        "labctl.verdict": "shown",
        "labctl.note": "nothing was expected of this client",
    }


def test_what_was_not_judged_of_an_attempt_and_where_its_packets_are_is_told() -> None:
    made = failed().model_copy(update={"capture": "a.pcapng", "libraries": {"httpx": "0.28"}})
    found = properties(cases(run(made))[0])
    assert found["labctl.not_judged"] == "wire, served"
    assert found["labctl.capture"] == "a.pcapng"
    assert found["labctl.library.httpx"] == "0.28"


def test_a_suite_says_what_made_it() -> None:
    assert properties(suites(run(passed()))[0]) == {
        "labctl.version": "0.1.0",
        "labctl.engine": "docker 20.10",
        "labctl.kernel": "6.1.0 x86_64",
        "labctl.image.lab": "sha256:1a (debian)",
        "labctl.image.client:3.13": "sha256:3d (debian)",
    }


def test_an_interrupted_run_and_a_shard_say_so() -> None:
    request = everything().request.model_copy(update={"shard": "2/5"})
    found = properties(suites(run(passed(), interrupted=True, request=request))[0])
    assert found["labctl.interrupted"] == "true"
    assert found["labctl.shard"] == "2/5"


def test_what_a_client_wrote_is_with_its_case() -> None:
    seen = raised(stdout="one\ntwo\t2\n", stderr="three")
    case = cases(run(passed().model_copy(update={"observed": seen})))[0]
    assert case.system_out == "one\ntwo 2\n"
    assert case.system_err == "three"


def test_a_client_cannot_have_files_published() -> None:
    seen = raised(stdout="[[ATTACHMENT|/etc/passwd]]\n[[attachment|b]]\n[[[ATTACHMENT|c]]")
    case = cases(run(passed().model_copy(update={"observed": seen})))[0]
    assert case.system_out == "[ [ATTACHMENT|/etc/passwd]]\n[ [attachment|b]]\n[[ [ATTACHMENT|c]]"


def test_a_run_without_attempts_is_a_document_without_suites() -> None:
    assert junit(run()) == (
        '<?xml version="1.0" encoding="utf-8"?>\n<testsuites name="labctl" tests="0" failures="0" '
        'errors="0" skipped="0" time="0.000" />\n'
    )


@pytest.mark.parametrize("text", [NASTY, "]]>", "\r", "\x00", "\ufffe", "\ud800", "&#0;", " "])
def test_nothing_that_a_client_writes_breaks_the_document(text: str) -> None:
    check_read_back(text)


@given(ANY_TEXT)
@settings(max_examples=50)
def test_any_text_reads_back(text: str) -> None:
    check_read_back(text)


def check_read_back(text: str) -> None:
    """Every character is there: itself, or where nobody could see it, as an escape."""
    (case,) = cases(run(nasty(text)))
    assert case.name == escape_control(f"smtplib [3.9.2, {text}]" if text else "smtplib [3.9.2]")
    lines = "\n".join(escape_lines(text))
    assert (case.system_out or "") == lines
    assert (case.system_err or "") == lines
    (failure,) = case.result
    assert failure.text.startswith("\n".join(escape_lines(text.rstrip())))
