"""Many attempts side by side."""

from __future__ import annotations

from labctl.errors import EngineError
from labctl.model.result import AttemptResult, Verdict
from labctl.report.tables import (
    attempt_lines,
    client_comparison_lines,
    repeat_lines,
    summary_line,
    verdict_table,
)
from labctl.results.attempt import lab_error_result
from tests.unit.judge.samples import exception, interpreter, planned, raised, result, returned
from tests.unit.report.rendered import text_of

PYTHONS = ("3.9.18", "3.10.13", "3.11.7", "3.12.1", "3.13.5", "3.14.0")
TIMEOUT = raised(exception=exception("TimeoutError", message="timed out"), elapsed_s=5.004)


def of(scenario: str, python: str, verdict: Verdict | None, number: int = 1) -> list[AttemptResult]:
    return [
        AttemptResult(scenario=scenario, attempt=f"a{n}", python=python, verdict=verdict)
        for n in range(number)
    ]


def test_a_line_for_each_attempt() -> None:
    attempts = [
        result(),
        result(TIMEOUT, attempt="socket", interpreter=interpreter("3.9.18")),
        result(returned("3"), attempt="my", client="my.py", expectation=None),
        lab_error_result(
            planned(attempt="asyncio"), EngineError("service dns died: see its log below")
        ),
    ]
    assert text_of(*attempt_lines(attempts)) == (
        """\
✔ pass   refused-port/smtplib  3.13.5   0.04 s  ConnectionRefusedError: Connect…
✘ fail   refused-port/socket   3.9.18   5.00 s  TimeoutError: timed out
· shown  refused-port/my.py    3.13.5   0.50 s  returned 3
! error  refused-port/asyncio  3.13.5   0.00 s  service dns died: see its log b…"""
    )


def test_long_names_leave_room_for_the_outcome() -> None:
    long = result(scenario="s" * 63, attempt="a" * 63)
    assert text_of(*attempt_lines([long])) == (
        "✔ pass  sssssssssssssssssssssssssssss…  3.13.5   0.04 s  ConnectionRefusedError…"
    )


def test_lines_are_as_wide_as_the_terminal() -> None:
    own = result(TIMEOUT, attempt="my", client="my.py", expectation=None)
    bad = result(TIMEOUT, repeat=2)
    message = "ConnectionRefusedError: Connection refused"
    for lines in (
        attempt_lines([result()]),
        repeat_lines([result(), bad]),
        client_comparison_lines([result(), own]),
    ):
        wide, cut = text_of(*lines, width=120), text_of(*lines, width=60)
        assert message in wide
        assert message not in cut
        assert len(cut.splitlines()) == len(wide.splitlines()) == len(lines)


def test_repeats_that_agree_and_repeats_that_do_not() -> None:
    good = [result(repeat=n) for n in (1, 2, 3)]
    bad = [result(attempt="socket", repeat=1), result(TIMEOUT, attempt="socket", repeat=2)]
    assert text_of(*repeat_lines([*good, *bad])) == (
        """\
✔ 3 of 3 agree: refused-port/smtplib on 3.13.5: pass, ConnectionRefusedError: C…
✔ 1 of 2 agree: refused-port/socket on 3.13.5: pass, ConnectionRefusedError: Co…
    repeat 2: fail, TimeoutError: timed out"""
    )


def test_of_many_repeated_attempts_only_those_that_disagree_are_listed() -> None:
    good = [result(attempt=f"a{n}", repeat=r) for n in range(60) for r in (1, 2)]
    bad = [result(repeat=1), *(result(TIMEOUT, repeat=n) for n in range(2, 12))]
    lines = text_of(*repeat_lines([*good, *bad])).splitlines()
    assert lines[0].startswith("✘ 10 of 11 agree: refused-port/smtplib on 3.13.5: fail")
    assert lines[1].startswith("    repeat 1: pass, ConnectionRefusedError")
    assert lines[2:] == ["60 attempts more, in which all repeats agree"]


def test_more_others_than_are_listed_are_counted() -> None:
    usual = [result(repeat=n) for n in range(1, 21)]
    others = [result(TIMEOUT, repeat=n) for n in range(21, 28)]
    assert text_of(*repeat_lines([*usual, *others])).endswith("and 2 more repeats that differ")


def test_a_client_is_compared_with_the_scenarios_own() -> None:
    attempts = []
    for version in ("3.9.18", "3.13.5"):
        python = interpreter(version)
        attempts += [
            result(interpreter=python),
            result(attempt="socket", interpreter=python),
            result(returned("3"), attempt="asyncio", interpreter=python),
            result(TIMEOUT, attempt="my", client="my.py", interpreter=python, expectation=None),
        ]
    assert text_of(*client_comparison_lines(attempts)) == (
        """\
refused-port on Python 3.9, 3.13
  my.py                           TimeoutError: timed out
  smtplib, socket                 ConnectionRefusedError: Connection refused
  asyncio                         returned 3"""
    )


def test_there_is_nothing_to_compare_without_both_kinds() -> None:
    assert client_comparison_lines([result()]) == []
    assert client_comparison_lines([result(client="my.py")]) == []


def test_a_table_of_scenarios_by_six_pythons_fits_in_80_columns() -> None:
    rows = []
    for python in PYTHONS:
        rows += of("refused-port", python, Verdict.PASS, 4)
        rows += of("a-scenario-with-a-rather-long-name", python, Verdict.FAIL, 12)
    rows += of("refused-port", "3.14.0", Verdict.FAIL) + of("refused-port", "3.9.18", None)
    rows += of("refused-port", "3.10.13", Verdict.INCONCLUSIVE)
    rows += of("refused-port", "3.11.7", Verdict.ERROR)
    rows += of("only-shown", "3.13.5", None)
    assert text_of(verdict_table(rows)) == (
        """\
scenario                   3.9      3.10     3.11     3.12     3.13     3.14
refused-port               pass     1 of 5   1 of 5   pass     pass     1 of 5
                                    unproven errors                     failed
a-scenario-with-a-rather-l 12 of 12 12 of 12 12 of 12 12 of 12 12 of 12 12 of 12
ong-name                   failed   failed   failed   failed   failed   failed
only-shown                 -        -        -        -        -        -"""
    )


def test_the_summary_counts_in_words() -> None:
    mixed = [
        *of("s", "3.13.5", Verdict.PASS, 2),
        *of("s", "3.13.5", Verdict.ERROR),
        *of("s", "3.13.5", None),
    ]
    assert text_of(summary_line(mixed)) == "4 attempts: 2 pass, 1 error, 1 shown"
    assert text_of(summary_line(of("s", "3.13.5", Verdict.PASS))) == "1 attempt: 1 pass"
    assert text_of(summary_line([])) == "no attempts were made"
