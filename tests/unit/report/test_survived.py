"""What a client did not survive, as it is printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.judge.policy import WORST_FIRST, judge_policy
from labctl.model.policy import Rule
from labctl.model.result import (
    AttemptResult,
    Difference,
    ExceptionInfo,
    Observation,
    Origin,
    Outcome,
    Verdict,
)
from labctl.report.survival import render_survival
from tests.unit.judge.samples import raised
from tests.unit.report.rendered import result_of, text_of

PAGE = Path(__file__).parents[3] / "docs" / "policy.md"
OPTIONS = ("--client", "my.py", "--policy", "ci/policy.yaml")
FINE = raised(sockets=())
HANGS = Observation(outcome=Outcome.TIMED_OUT, elapsed_s=30.02)
NO_UTF_8 = ExceptionInfo(
    type="UnicodeDecodeError",
    message="'utf-8' codec can't decode byte 0xe9 in position 3: invalid continuation byte",
    bases=("UnicodeDecodeError", "UnicodeError", "ValueError", "Exception"),
    origin=Origin(client=True, how="call", line=9),
)
GARBLED_TEXT = raised(exception=NO_UTF_8, sockets=())
LEAKS = raised(sockets=("tcp 198.18.0.3:25",))
WENT_NOWHERE = Observation(outcome=Outcome.RETURNED, sockets=(), exit=0)


def one(scenario: str, seen: Observation = FINE, **changes: Any) -> AttemptResult:
    """An attempt of a client of one's own, judged by the defaults."""
    judgement = judge_policy(Rule(), seen)
    given = {
        "attempt": "my",
        "python": "3.13.5",
        "client": "my.py",
        "verdict": judgement.verdict,
        "reasons": judgement.reasons,
        "differences": judgement.differences,
    }
    return AttemptResult(scenario=scenario, **{**given, **changes})


def shown(*attempts: AttemptResult, interrupted: bool = False, **given: Any) -> str:
    result = result_of(*attempts, interrupted=interrupted)
    return text_of(render_survival(result, **{"options": OPTIONS, **given}))


def titles(text: str) -> list[str]:
    return re.findall(r"^ +\d+  (.*)", text, re.MULTILINE)


def test_all_survived() -> None:
    assert shown(one("refused-port"), one("slow-drip")) == (
        "✔ your client survived 2 of 2 failures on Python 3.13"
    )
    assert shown(one("refused-port")) == "✔ your client survived 1 of 1 failure on Python 3.13"


def test_the_page_shows_what_is_printed() -> None:
    attempts = [one(f"scenario-{number}") for number in range(164)]
    broken = [
        one("http-slow-drip", HANGS),
        one("http-wrong-charset", GARBLED_TEXT),
        one("slow-drip", HANGS),
    ]
    (page,) = re.findall(r"^```text\n(✘.*?)\n```$", PAGE.read_text("utf-8"), re.DOTALL | re.M)
    assert shown(*attempts, *broken) == page


def test_the_worst_comes_first_and_of_the_same_what_broke_most() -> None:
    differences = [
        Difference(what=what, expected="", actual=actual, message="m")
        for what, actual in [
            ("sockets", "a"), ("sockets", "b"), ("elapsed", "a"), ("exception", "OddError"),
            ("exception", "KeyError"), ("hang", "a"), ("unknown", "a"), ("returned", "a"),
            ("unhandled", "KeyError"), ("exit", "3"), ("garbled", ""), ("killed", "SIGSEGV"),
            ("out-of-memory", ""),
        ]
    ]  # fmt: skip
    attempts = [
        one(f"s{number}", verdict=Verdict.FAIL, differences=(difference,))
        for number, difference in enumerate([*differences, differences[4]])
    ]
    assert titles(shown(*attempts)) == [
        "it hangs, in 1 failure",
        "it uses up its memory, in 1 failure",
        "it is killed, in 1 failure",
        "it leaves no report, in 1 failure",
        "it exits as it should not, in 1 failure",
        "it raises KeyError, in 2 failures",
        "it raises OddError, in 1 failure",
        "it returns as it should not, in 1 failure",
        "KeyError ends a thread or a task, in 1 failure",
        "it takes too long, in 1 failure",
        "it leaves sockets open, in 2 failures",
        "unknown: not as it should be, in 1 failure",
    ]


def test_every_way_to_break_has_a_title() -> None:
    for what in WORST_FIRST:
        difference = Difference(what=what, expected="", actual="X", message="m")
        attempt = one("s", verdict=Verdict.FAIL, differences=(difference,))
        (title,) = titles(shown(attempt))
        assert "not as it should be" not in title


def test_what_broke_in_two_ways_is_in_both_and_counts_once() -> None:
    both = raised(exception=NO_UTF_8, sockets=("tcp a:1",))
    text = shown(one("a", both), one("b"), one("c", LEAKS))
    assert text.startswith("✘ your client survived 1 of 3 failures")
    assert titles(text) == [
        "it raises UnicodeDecodeError, in 1 failure",
        "it leaves sockets open, in 2 failures",
    ]


def test_one_that_breaks_in_the_same_way_twice_is_named_once() -> None:
    twice = (Difference(what="unhandled", expected="", actual="KeyError", message="m"),) * 2
    text = shown(one("a", verdict=Verdict.FAIL, differences=twice))
    assert text.splitlines()[2:] == [
        "  1  KeyError ends a thread or a task, in 1 failure",
        "     a",
        "     m",
        "     labctl run a --client my.py --policy ci/policy.yaml",
    ]


def test_many_names_and_many_ways_are_cut() -> None:
    attempts = [one(f"s{number}", LEAKS) for number in range(9)]
    assert "     s0, s1, s2, s3, s4, s5 and 3 more\n" in shown(*attempts)
    kinds = [
        one(f"s{number}", raised(exception=ExceptionInfo(type=f"Error{number}"), sockets=()))
        for number in range(23)
    ]
    text = shown(*kinds)
    assert len(titles(text)) == 20
    assert text.endswith("\n\nand 3 more that broke")


def test_a_failure_is_survived_on_every_python_and_each_time_or_not_at_all() -> None:
    attempts = [
        one("a"),
        one("a", LEAKS, python="3.9.18"),
        one("b"),
        one("b", python="3.9.18"),
        one("c", LEAKS),
        one("c", repeat=2),
        one("c", LEAKS, python="3.9.18"),
    ]
    text = shown(*attempts)
    assert text.startswith("✘ your client survived 1 of 3 failures on Python 3.13, 3.9\n")
    assert titles(text) == ["it leaves sockets open, in 2 failures"]
    assert "labctl run a --python 3.9 --client my.py" in text
    text = shown(*attempts[:4])
    assert titles(text) == ["it leaves sockets open, in 1 failure, on Python 3.9 only"]


def test_what_nobody_can_tell_and_what_was_not_made() -> None:
    lab = one("c", verdict=Verdict.ERROR, reasons=("service mail died",), differences=())
    text = shown(one("a"), one("b", WENT_NOWHERE), lab, skipped=("d", "e"), interrupted=True)
    assert (
        text
        == """\
? your client survived 1 of 2 failures on Python 3.13

? 1 undecided: b
     the client neither asked for a name nor for a connection, so no failure met
     it: its target is in LAB_HOST and LAB_PORT
! 1 not made because the lab broke: c
     service mail died
2 left out by the policy: d, e
The run was interrupted: these are not all of its attempts."""
    )


def test_a_failure_that_broke_once_and_could_not_be_told_once_broke() -> None:
    text = shown(one("a", LEAKS), one("a", WENT_NOWHERE, repeat=2))
    assert text.startswith("✘ your client survived 0 of 1 failure ")
    assert "undecided" not in text


@pytest.mark.parametrize(
    ("attempts", "lacking"),
    [
        ((), "made"),
        ((one("a", client=""),), "made"),
        ((one("c", verdict=Verdict.ERROR, reasons=("x",)),), "judged"),
        ((one("a", LEAKS, verdict=None),), "judged"),
    ],
)
@pytest.mark.parametrize("interrupted", [False, True])
def test_without_a_verdict_nothing_is_said_of_the_client(
    attempts: tuple[AttemptResult, ...], lacking: str, *, interrupted: bool
) -> None:
    first, *rest = shown(*attempts, interrupted=interrupted).splitlines()
    assert first == f"no attempt with your client was {lacking}"
    note = "The run was interrupted: these are not all of its attempts."
    assert (note in rest) is interrupted
    assert not any("your client" in line for line in rest)


def test_the_scenarios_own_clients_do_not_count() -> None:
    own = one("b", LEAKS, client="")
    assert shown(one("a"), own) == "✔ your client survived 1 of 1 failure on Python 3.13"


def test_commands_can_be_pasted() -> None:
    text = shown(one("a", LEAKS), options=("--client", "my client.py", "--scenarios", "a'b"))
    assert """labctl run a --client 'my client.py' --scenarios 'a'"'"'b'""" in text


HOSTILE = "\x1b[31m\u202e<script>[bold]\n\x9b"
WILD = st.text(st.sampled_from("a\x1b\n\u202e\u200b界[/]😀\x9b "), max_size=200)


def test_hostile_text_is_escaped() -> None:
    info = ExceptionInfo(type=HOSTILE, message=HOSTILE)
    attempts = [
        one(HOSTILE, raised(exception=info, sockets=(HOSTILE,)), python=HOSTILE),
        one(f"{HOSTILE}b", verdict=Verdict.ERROR, reasons=(HOSTILE,)),
    ]
    text = shown(*attempts, options=(HOSTILE,), skipped=(HOSTILE,))
    assert "\\x1b[31m\\u202e<script>[bold]\\n\\x9b" in text
    assert not set("\x1b\u202e\x9b") & set(text)


@given(WILD, WILD, WILD)
@settings(max_examples=60)
def test_it_always_fits(name: str, type_: str, message: str) -> None:
    info = ExceptionInfo(type=type_, message=message)
    seen = raised(exception=info, sockets=(message,))
    text = shown(one(name, seen), options=(message,), skipped=(name,))
    assert not set("\x1b\u202e\x9b") & set(text)
