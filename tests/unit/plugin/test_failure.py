"""What people see of tests that fail."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from labctl.errors import EngineError
from labctl.model.plan import PlannedAttempt
from labctl.plugin.failure import AttemptFailed, attempt_repr
from tests.unit.fake_engine import FakeEngine
from tests.unit.judge.samples import evidence, expectation, raised, report, result
from tests.unit.plugin.inner import Inner

NOT_RAISED = report(
    outcome="returned", exception=None, stack=[], returned="'\\u202e'", exit=0,
    stdout="\x1b[31mhello\x1b[0m\nyou\n", stderr="careful\n",
)  # fmt: skip


@pytest.fixture
def failing(inner: Inner) -> Inner:
    inner.scenario("quiet")
    inner.engine.leaves = lambda _: evidence(NOT_RAISED)
    return inner


def test_a_failure_is_our_report_and_no_traceback(failing: Inner) -> None:
    ran = failing.run()
    assert ran.code == pytest.ExitCode.TESTS_FAILED
    assert ran.outcomes() == {"smtplib[3.13]": "call"}
    shown = ran.out.partition("= FAILURES =")[2].partition("short test summary")[0]
    assert "\n✘ fail  quiet/smtplib  3.13.5   0.04 s  returned" in shown
    assert "\n    expected ConnectionRefusedError, but nothing was raised" in shown
    assert "\n  smtplib on Python 3.13\n  ╰▶ returned '\\u202e'\n" in shown
    assert "Traceback" not in shown
    assert "AttemptFailed" not in shown
    assert "\x1b" not in shown


def test_the_summary_says_why_in_one_line(failing: Inner) -> None:
    last = failing.run("-rf").out.splitlines()[-2]
    assert last.startswith("FAILED quiet.yaml::smtplib[3.13] - expected Connection")


def test_what_the_client_wrote_is_shown_and_steers_no_terminal(failing: Inner) -> None:
    ran = failing.run()
    assert dict(ran.report("smtplib[3.13]").sections) == {
        "Captured client stdout call": "\\x1b[31mhello\\x1b[0m\nyou",
        "Captured client stderr call": "careful",
    }
    assert "- Captured client stdout call -" in ran.out


def test_reports_have_verdict_and_exception(inner: Inner) -> None:
    inner.scenario("quiet")
    ran = inner.run("--junit-xml=junit.xml")
    wanted = {"labctl_verdict": "pass", "labctl_exception": "ConnectionRefusedError"}
    assert dict(ran.report("smtplib[3.13]").user_properties) == wanted
    assert properties(Path("junit.xml")) == wanted


def properties(file: Path) -> dict[str | None, str | None]:
    return {one.get("name"): one.get("value") for one in ET.parse(file).iter("property")}  # noqa: S314


def test_junit_has_the_drawing(failing: Inner) -> None:
    failing.run("--junit-xml=junit.xml")
    [failure] = ET.parse("junit.xml").iter("failure")  # noqa: S314
    assert "smtplib on Python 3.13" in (failure.text or "")
    assert failing.folder.name not in (failure.get("message") or "")
    assert (failure.get("message") or "").startswith("expected ConnectionRefusedError")
    [case] = ET.parse("junit.xml").iter("testcase")  # noqa: S314
    assert properties(Path("junit.xml")) == {"labctl_verdict": "fail"}
    assert case.get("name") == "smtplib[3.13]"


@pytest.mark.parametrize("colour", [True, False])
def test_it_is_coloured_where_the_terminal_is(colour: bool) -> None:
    shown = attempt_repr(
        result(raised(), expectation=expectation(attrs={"errno": 5})), ("a.yaml", 8, "")
    )
    lines: list[str] = []

    class Writer:
        hasmarkup = colour

        def line(self, s: str = "") -> None:
            lines.append(s)

    shown.toterminal(Writer())
    assert ("\x1b[1;31m" in "\n".join(lines)) is colour
    assert "\x1b" not in str(shown)
    assert "expected errno to be 5" in shown.reprcrash.message
    assert (shown.reprcrash.path, shown.reprcrash.lineno) == ("a.yaml", 9)


def test_a_reason_that_would_steer_a_terminal_does_not() -> None:
    odd = result(raised()).model_copy(update={"reasons": ("\x1b[2J",)})
    assert attempt_repr(odd, ("a", None, "")).reprcrash.message == "\\x1b[2J"
    assert str(AttemptFailed(odd)) == "\x1b[2J"


def test_a_lab_that_breaks_is_an_error_of_the_setup(inner: Inner) -> None:
    inner.scenario("quiet")
    inner.engine.broken_labs = frozenset({"quiet"})
    ran = inner.run("--junit-xml=junit.xml")
    assert ran.outcomes() == {"smtplib[3.13]": "setup"}
    assert (
        "____________________ ERROR at setup of quiet/smtplib[3.13] _____________________\n"
        "lab quiet can't start\n"
        "  hint: look at its log\n" in ran.out
    )
    assert "Traceback" not in ran.out
    assert "1 error in " in ran.out
    assert [one.tag for one in ET.parse("junit.xml").iter() if one.tag in ("failure", "error")] == [  # noqa: S314
        "error"
    ]


def test_an_engine_that_does_not_answer_is_asked_once(inner: Inner) -> None:
    inner.scenario("quiet")
    inner.scenario("other")
    inner.refusal = EngineError("no Docker engine answers at here", hint="start it")
    ran = inner.run("--labctl-python=all")
    assert set(ran.outcomes().values()) == {"setup"}
    assert len(ran.outcomes()) == 6
    assert inner.connections == ["docker"]
    assert ran.out.count("no Docker engine answers at here\n  hint: start it\n") == 12


def test_an_image_that_can_not_be_made_is_tried_once(
    inner: Inner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inner.images, "missing", frozenset({"labctl/client:3.9"}))
    inner.scenario("quiet")
    inner.scenario("other")
    ran = inner.run("--labctl-python=3.9,3.13")
    assert ran.outcomes() == {"smtplib[3.9]": "setup", "smtplib[3.13]": "passed"}
    assert inner.images.asked.count("labctl/client:3.9") == 1
    assert ran.out.count("labctl/client:3.9 cannot be made\n  hint: look elsewhere\n") == 2


def test_what_comes_of_an_interruption_is_cleaned_up(inner: Inner) -> None:
    inner.scenario("quiet")
    inner.scenario("other")

    def interrupted(engine: FakeEngine, _: PlannedAttempt) -> None:
        engine.say("client")
        raise KeyboardInterrupt

    inner.engine.client = interrupted
    ran = inner.run()
    assert ran.code == pytest.ExitCode.INTERRUPTED
    said = inner.engine.said
    assert said == ["lab other up", "tap", "client", "stop", "lab other down", "sweep", "unguarded"]


def test_a_lab_that_can_not_be_removed_is_told(inner: Inner) -> None:
    inner.scenario("quiet")
    inner.engine.stuck_labs = frozenset({"quiet"})
    ran = inner.run()
    assert ran.code == 0
    assert ran.err == "labctl: warning: lab quiet can't be removed\n"
    assert inner.engine.said[-3:] == ["lab quiet down", "sweep", "unguarded"]


def test_a_bug_of_ours_has_its_traceback(inner: Inner, monkeypatch: pytest.MonkeyPatch) -> None:
    inner.scenario("quiet")

    def broken(_engine: FakeEngine, _attempt: PlannedAttempt) -> None:
        raise ZeroDivisionError

    inner.engine.client = broken
    monkeypatch.setenv("COLUMNS", "80")
    ran = inner.run()
    assert ran.outcomes() == {"smtplib[3.13]": "setup"}
    assert "ZeroDivisionError" in ran.out
    assert "session.py:" in ran.out
