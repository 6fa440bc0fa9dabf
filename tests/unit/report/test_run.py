"""The report of a run."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.errors import EngineError
from labctl.model.result import Ladder, LadderRow, Verdict
from labctl.report.run import render_run
from labctl.results.attempt import lab_error_result
from labctl.wire.ladder import draw
from tests.unit.judge.samples import (
    STACK,
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
from tests.unit.report.kept import kept_output
from tests.unit.report.rendered import result_of, text_of

WRONG = expectation(stack=[STACK[0], "smtplib:SMTP.connet", *STACK[2:]], attrs={"errno": 5})
WIRE = expectation(wire=["tcp closed.lab:2525 refused"], served=[])
SEEN = raised(flows=(flow(),))


def test_one_scenario_that_passes() -> None:
    assert text_of(render_run(result_of(result(SEEN, expectation=WIRE)))) == (
        """\
✔ pass  refused-port/smtplib  3.13.5   0.04 s  ConnectionRefusedError: Connecti…

  smtplib on Python 3.13
  ├─ application ───────────────────────
  │    smtplib:SMTP.__init__
  │    smtplib:SMTP.connect
  │    smtplib:SMTP._get_socket
  ├─ transport ─────────────────────────
  │    socket:create_connection
  ╰▶ ConnectionRefusedError: [Errno 111] Connection refused
       errno 111 is ECONNREFUSED

1 attempt: 1 pass"""
    )


def test_one_that_fails_says_why_and_shows_diff_and_output() -> None:
    wrote = "".join(f"line {n}\n" for n in range(7))
    seen = raised(stdout=wrote, stderr="\x1b[31mred\x1b[0m\n")
    shown = text_of(render_run(result_of(result(seen, expectation=WRONG))))
    assert shown.split("\n\n")[1] == (
        """\
✘ fail  refused-port/smtplib on Python 3.13
    expected errno to be 5, but it was ECONNREFUSED (111)
    in the stack, expected smtplib:SMTP.connet, but smtplib:SMTP.connect is
    there
      expected                              observed
      smtplib:SMTP.__init__                 smtplib:SMTP.__init__
    ! smtplib:SMTP.connet                   smtplib:SMTP.connect
      smtplib:SMTP._get_socket              smtplib:SMTP._get_socket
      socket:create_connection              socket:create_connection
    its stdout, the last 5 of 7 lines:
    │ line 2
    │ line 3
    │ line 4
    │ line 5
    │ line 6
    its stderr:
    │ \\x1b[31mred\\x1b[0m"""
    )


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (5, "its stdout:"),
        (6, "its stdout, the last 5 of 6 lines:"),
        (1_000_000, "its stdout, the last 5 lines:"),
    ],
)
def test_output_has_a_number_of_lines_only_if_all_of_it_was_kept(number: int, said: str) -> None:
    wrote = "".join(f"line {n}\n" for n in range(number))
    seen = raised(stdout=kept_output(wrote))
    shown = text_of(render_run(result_of(result(seen, expectation=WRONG))))
    first = max(number - 5, 0)
    lines = "".join(f"\n    │ line {n}" for n in range(first, number))
    assert f"\n    {said}{lines}\n\n" in shown


def test_the_same_failure_on_many_pythons_is_told_once() -> None:
    pythons = [interpreter("3.9.18"), interpreter("3.13.5")]
    attempts = [result(expectation=WRONG, interpreter=one) for one in pythons]
    shown = text_of(render_run(result_of(*attempts)))
    assert "✘ fail  refused-port/smtplib on Python 3.9, 3.13\n" in shown
    assert shown.count("expected errno to be 5") == 1


def test_what_broke_is_told_once_with_what_to_do() -> None:
    error = EngineError("service dns died:\n  no such file", hint="run labctl doctor")
    broken = [lab_error_result(planned(attempt=name), error) for name in ("smtplib", "socket")]
    shown = text_of(render_run(result_of(*broken)))
    assert shown.split("\n\n")[1:] == [
        """\
! error  the lab broke, 2 attempts not made: refused-port/smtplib, refused-port…
    service dns died:
      no such file
    run labctl doctor""",
        "2 attempts: 2 error",
    ]


def test_more_stacks_than_are_drawn_are_counted() -> None:
    many = [result(returned(str(n)), attempt=f"a{n}", expectation=None) for n in range(9)]
    shown = text_of(render_run(result_of(*many)))
    assert shown.endswith("\n\nand 3 more distinct stacks\n\n9 attempts: 9 shown")


def test_several_scenarios_end_in_a_table_without_drawings() -> None:
    made = [result(SEEN, expectation=WIRE, scenario=name) for name in ("refused-port", "other")]
    shown = text_of(render_run(result_of(*made)))
    assert shown.split("\n\n")[1:] == [
        """\
scenario     3.13
refused-port pass
other        pass""",
        "2 attempts: 2 pass",
    ]


def test_one_scenario_on_two_pythons_has_drawings_and_a_table() -> None:
    other = result(interpreter=interpreter("3.9.18"))
    shown = text_of(render_run(result_of(result(), other)))
    assert "  smtplib on Python 3.13, 3.9\n" in shown
    assert "scenario     3.9  3.13\nrefused-port pass pass\n" in shown


def test_a_client_is_shown_beside_the_scenarios_own() -> None:
    given_ = result(returned("3"), attempt="my", client="my.py", expectation=None)
    shown = text_of(render_run(result_of(result(), given_)))
    assert "refused-port on Python 3.13\n  my.py                           returned 3\n" in shown
    assert shown.endswith("2 attempts: 1 pass, 1 shown")


def test_repeats_are_counted_instead_of_listed() -> None:
    repeats = [result(repeat=n) for n in range(1, 21)]
    shown = text_of(render_run(result_of(*repeats)))
    assert shown.startswith("✔ 20 of 20 agree: refused-port/smtplib on 3.13.5: pass, Conn")
    assert shown.endswith("20 attempts: 20 pass")


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (
            {},
            (
                "\nNot judged in 1 of 2 attempts: the wire.\n"
                "Not judged in 1 of 2 attempts: the servers' events.\n"
            ),
        ),
        ({"served": []}, "\nNot judged in 1 of 2 attempts: the wire.\n"),
        (
            {"wire": ["tcp closed.lab:2525 refused"]},
            "\nNot judged in 1 of 2 attempts: the servers' events.\n",
        ),
    ],
)
def test_what_was_not_judged_is_told(keys: dict[str, Any], line: str) -> None:
    judged = result(SEEN, expectation=WIRE, attempt="socket")
    made = result(SEEN, expectation=expectation(**keys))
    assert f"{line}2 attempts: 2 pass" in text_of(render_run(result_of(judged, made)))
    assert "judged" not in text_of(render_run(result_of(judged)))


def test_where_nothing_was_expected_nothing_is_said_to_be_unjudged() -> None:
    assert "judged" not in text_of(render_run(result_of(result(expectation=None))))


def test_evidence_that_is_missing_is_told() -> None:
    shown = text_of(render_run(result_of(result(expectation=WIRE))))
    assert shown.split("\n\n")[1] == (
        """\
? inconclusive  refused-port/smtplib on Python 3.13
    the packets were not captured, so nobody can say what was on the wire"""
    )
    assert shown.endswith("\n1 attempt: 1 inconclusive")


def test_one_scenario_has_its_pictures_and_several_have_none() -> None:
    ladder = Ladder(hosts=("closed.lab",), rows=(LadderRow(source=0, target=1, text="a ladder"),))
    one = result(SEEN, expectation=WIRE).model_copy(
        update={"ladder": ladder, "because": "So it is."}
    )
    shown = text_of(render_run(result_of(one)))
    assert f"ECONNREFUSED\n\n{draw(ladder)}\n\nSo it is.\n\n1 attempt: 1 pass" in shown
    other = result(SEEN, expectation=WIRE, scenario="other")
    assert "a ladder" not in text_of(render_run(result_of(one, other)))


def test_an_interrupted_run_says_so() -> None:
    shown = text_of(render_run(result_of(result(), interrupted=True)))
    assert "\nThe run was interrupted: these are not all of its attempts.\n1 attempt" in shown
    assert text_of(render_run(result_of(interrupted=True))) == (
        "The run was interrupted: these are not all of its attempts.\nno attempts were made"
    )


def test_of_many_attempts_those_that_passed_are_not_listed() -> None:
    good = [result(attempt=f"a{n}", scenario=f"s{n % 3}") for n in range(60)]
    bad = result(expectation=WRONG)
    lines = text_of(render_run(result_of(*good, bad))).splitlines()
    assert lines[0].startswith("✘ fail  refused-port/smtplib")
    assert lines[1] == "60 attempts not listed here"


def test_the_report_of_a_disaster_is_bounded() -> None:
    wrote = "x" * 100_000 + "\n" * 1000
    seen = raised(stack=frames(*["m:f"] * 128), stdout=wrote, stderr=wrote)
    attempts = [
        result(seen, expectation=WRONG, scenario=f"s{n % 9}", attempt=f"a{n}") for n in range(500)
    ]
    shown = text_of(render_run(result_of(*attempts)))
    assert "and 490 more ways to fail; --json FILE has them all" in shown
    assert len(shown.splitlines()) < 400


def test_reasons_are_bounded_in_number() -> None:
    attrs = {f"a{n}": n for n in range(20)}
    shown = text_of(render_run(result_of(result(expectation=expectation(attrs=attrs)))))
    assert "    and 12 more reasons\n" in shown


def test_inconclusive_says_why_like_a_failure() -> None:
    lost = result().model_copy(
        update={"verdict": Verdict.INCONCLUSIVE, "reasons": ("3 packets were lost",)}
    )
    shown = text_of(render_run(result_of(lost)))
    assert "? inconclusive  refused-port/smtplib on Python 3.13\n    3 packets were lost\n" in shown


@given(st.text(), st.text(), st.text())
@settings(max_examples=50)
def test_any_text_from_a_client_stays_in_its_place(message: str, name: str, wrote: str) -> None:
    seen = raised(
        exception=exception(f"E{name}", message=message),
        stack=frames("m:f", layer="application"),
        stdout=wrote,
    )
    shown = text_of(render_run(result_of(result(seen))))
    assert all(line.isprintable() for line in shown.split("\n"))
