"""What a run's results amount to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from labctl.errors import EngineError, InputError, Where
from labctl.judge import judge
from labctl.model.result import AttemptResult, Observation, Outcome, Verdict
from labctl.results.attempt import attempt_result, expected_json, lab_error_result
from labctl.results.summary import disagreements, exit_code, group_repeats, summary, unreported
from tests.unit.judge.samples import (
    exception,
    expectation,
    interpreter,
    planned,
    raised,
    result,
    returned,
)

LATE = Observation(outcome=Outcome.TIMED_OUT, elapsed_s=30.0)


def of(verdict: Verdict | None) -> AttemptResult:
    return AttemptResult(scenario="s", attempt="a", python="3.13.5", verdict=verdict)


def test_a_result_keeps_the_attempt_and_what_became_of_it() -> None:
    attempt = planned(client="my.py", repeat=3, expectation=expectation(wire=["tcp a:1 refused"]))
    seen = returned("3")
    made = attempt_result(attempt, seen, judge(attempt.expectation, seen))
    assert (made.scenario, made.attempt, made.python) == ("refused-port", "smtplib", "3.13.5")
    assert (made.client, made.repeat, made.verdict) == ("my.py", 3, Verdict.FAIL)
    assert made.reasons == tuple(d.message for d in made.differences) != ()
    assert made.not_judged == ("served",)
    assert (made.elapsed_s, made.observed) == (0.5, seen)


def test_what_was_expected_is_kept_as_the_scenario_writes_it() -> None:
    written = expectation(elapsed={"max": "1500ms"}, cause="none")
    assert expected_json(written) == {
        "raises": "ConnectionRefusedError",
        "attrs": {"errno": "ECONNREFUSED"},
        "cause": "none",
        "stack": [
            "smtplib:SMTP.__init__",
            "smtplib:SMTP.connect",
            "smtplib:SMTP._get_socket",
            "socket:create_connection",
        ],
        "elapsed": {"max": 1.5},
    }
    assert result(expectation=None).expected is None


def test_a_lab_that_broke_is_an_error_with_what_broke_and_what_to_do() -> None:
    error = EngineError(
        "service dns died", where=Where(path=Path("lab.yaml"), line=3), hint="look at its log"
    )
    made = lab_error_result(planned(), error)
    assert made.verdict is Verdict.ERROR
    assert made.reasons == ("lab.yaml:3: service dns died", "look at its log")
    assert made.observed is None
    assert made.expected == expected_json(expectation())
    assert lab_error_result(planned(), InputError("no")).reasons == ("no",)


def test_the_summary_counts_every_verdict() -> None:
    assert summary([of(Verdict.PASS), of(Verdict.PASS), of(Verdict.ERROR), of(None)]) == {
        Verdict.PASS: 2,
        Verdict.FAIL: 0,
        Verdict.INCONCLUSIVE: 0,
        Verdict.ERROR: 1,
    }


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([], 0),
        ([Verdict.PASS, None], 0),
        ([Verdict.PASS, Verdict.FAIL], 1),
        ([Verdict.INCONCLUSIVE], 1),
        ([Verdict.ERROR, Verdict.FAIL, Verdict.PASS], 4),
    ],
)
def test_the_exit_code(verdicts: list[Verdict | None], code: int) -> None:
    assert exit_code([of(verdict) for verdict in verdicts]) == code


def test_repeats_are_grouped_by_scenario_attempt_python_and_client() -> None:
    made = [
        result(repeat=1),
        result(repeat=2),
        result(attempt="socket"),
        result(client="my.py"),
        result(scenario="other"),
    ]
    assert [len(group.usual) for group in group_repeats(made)] == [2, 1, 1, 1]


def test_repeats_that_are_alike_agree() -> None:
    later = raised(elapsed_s=0.3, exception=exception(message="[Errno 111] other words"))
    assert disagreements([result(repeat=1), result(later, repeat=2)]) == []


def test_repeats_disagree_in_verdict_outcome_or_exception() -> None:
    late = raised(exception=exception("TimeoutError"))
    anything = {"expectation": None}
    for one, other in [
        (result(), result(late, repeat=2)),
        (result(**anything), result(late, repeat=2, **anything)),
        (result(**anything), result(returned(), repeat=2, **anything)),
        (result(returned(), **anything), result(LATE, repeat=2, **anything)),
        (result(), lab_error_result(planned(repeat=2), EngineError("no"))),
    ]:
        (group,) = disagreements([one, other, result_again(one)])
        assert [r.repeat for r in group.usual] == [1, 3]
        assert [r.repeat for r in group.others] == [2]


def result_again(one: AttemptResult) -> AttemptResult:
    return one.model_copy(update={"repeat": 3})


def test_what_broke_is_told_once() -> None:
    why, besides = EngineError("a tap died", hint="look"), EngineError("the lab can't be removed")
    results = [lab_error_result(planned(), why), result()]
    found = unreported([why, besides, EngineError(besides.message)], results)
    assert [str(one) for one in found] == ["the lab can't be removed"]
    assert unreported([why], [result()]) == [why]


def test_a_result_names_the_versions_of_what_the_attempt_requires() -> None:
    equipped = replace(interpreter(), packages={"httpx": "0.28.1", "h11": "0.16.0"})
    assert result(interpreter=equipped, requires=("httpx",)).libraries == {"httpx": "0.28.1"}
    assert result(interpreter=equipped).libraries == {}
