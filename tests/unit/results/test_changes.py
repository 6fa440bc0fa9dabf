"""What changed between two runs: told by kind, the worst first."""

from __future__ import annotations

import pytest

from labctl.model.result import AttemptResult, EngineInfo, ImageInfo, Observation, Outcome, Verdict
from labctl.results.changes import Change, ChangeKind, Changes, changes
from tests.unit.judge.samples import (
    STACK,
    exception,
    expectation,
    flow,
    frames,
    interpreter,
    raised,
    result,
    returned,
)
from tests.unit.report.rendered import result_of

WAS = raised(flows=(flow(),))


def compared(old: AttemptResult, new: AttemptResult) -> Changes:
    return changes(result_of(old), result_of(new))


def between(old: Observation, new: Observation) -> tuple[ChangeKind, str, str] | None:
    """The change of an attempt of which nothing is expected."""
    found = compared(result(old, expectation=None), result(new, expectation=None)).attempts
    return (found[0].kind, found[0].before, found[0].now) if found else None


def test_nothing_changed() -> None:
    found = compared(result(), result())
    assert found == Changes(setting=(), attempts=(), compared=1)
    assert not found.worse


@pytest.mark.parametrize(
    ("new", "kind", "before", "now"),
    [
        (
            returned("1"),
            ChangeKind.ENDS_OTHERWISE,
            "ConnectionRefusedError was raised",
            "nothing was raised: the client returned 1",
        ),
        (
            raised(exception=exception("TimeoutError"), flows=(flow(),)),
            ChangeKind.EXCEPTION,
            "ConnectionRefusedError",
            "TimeoutError",
        ),
        (
            raised(flows=(flow("reset"),)),
            ChangeKind.WIRE,
            "tcp closed.lab:2525 refused",
            "tcp closed.lab:2525 reset",
        ),
        (
            raised(exception=exception(attrs={"errno": 5}, symbols={}), flows=(flow(),)),
            ChangeKind.ATTRIBUTES,
            "errno ECONNREFUSED",
            "errno 5",
        ),
        (
            raised(stack=frames("m:f"), flows=(flow(),)),
            ChangeKind.STACK,
            " > ".join(STACK),
            "m:f",
        ),
        (
            raised(exception=exception(message="no"), flows=(flow(),)),
            ChangeKind.MESSAGE,
            "[Errno 111] Connection refused",
            "no",
        ),
        (raised(elapsed_s=1.0, flows=(flow(),)), ChangeKind.SLOWER, "0.04 s", "1.00 s"),
    ],
    ids=lambda value: value.name if isinstance(value, ChangeKind) else "",
)
def test_each_kind(new: Observation, kind: ChangeKind, before: str, now: str) -> None:
    assert between(WAS, new) == (kind, before, now)


def test_what_returned_and_does_not_any_more_is_worse_than_the_reverse() -> None:
    found = between(returned("1"), raised())
    assert found is not None
    assert found[0] is ChangeKind.FAILS_NOW


@pytest.mark.parametrize(
    ("old", "new"),
    [("at 0x7f31", "at 0x8a20"), ("port 40312", "port 51000"), ("1.2.3.4", "1.2.3.5")],
)
def test_what_differs_from_run_to_run_is_no_change(old: str, new: str) -> None:
    one, other = (raised(exception=exception(message=text)) for text in (old, new))
    assert between(one, other) is None


@pytest.mark.parametrize("new", [raised(elapsed_s=0.5), raised(elapsed_s=0.07)])
def test_a_little_slower_is_no_change(new: Observation) -> None:
    assert between(raised(elapsed_s=0.04), new) is None


def test_of_verdicts() -> None:
    good, bad = result(), result(expectation=expectation(attrs={"errno": "EPIPE"}))
    worse, better = compared(good, bad), compared(bad, good)
    assert [one.kind for one in worse.attempts] == [ChangeKind.WORSE]
    assert worse.worse
    assert worse.attempts[0].before == "pass: ConnectionRefusedError was raised"
    assert worse.attempts[0].now.startswith("fail: expected")
    assert [one.kind for one in better.attempts] == [ChangeKind.BETTER]
    assert not better.worse


@pytest.mark.parametrize(
    ("old", "new", "worse"),
    [
        (Verdict.PASS, Verdict.INCONCLUSIVE, True),
        (Verdict.INCONCLUSIVE, Verdict.ERROR, True),
        (Verdict.ERROR, Verdict.FAIL, True),
        (Verdict.FAIL, Verdict.ERROR, False),
        (None, Verdict.PASS, False),
        (None, Verdict.FAIL, True),
    ],
)
def test_which_verdict_is_worse(old: Verdict | None, new: Verdict | None, worse: bool) -> None:
    one, other = (result().model_copy(update={"verdict": each}) for each in (old, new))
    assert compared(one, other).worse is worse


def test_the_worst_stands_first_and_one_change_for_each_attempt() -> None:
    def run(*seen: Observation, version: str) -> list[AttemptResult]:
        return [
            result(each, attempt=f"a{n}", expectation=None, interpreter=interpreter(version))
            for n, each in enumerate(seen)
        ]

    old = run(raised(), returned("1"), raised(), raised(), version="3.12.1")
    new = run(
        raised(stack=frames("m:f"), exception=exception(message="x")),
        raised(),
        returned("1"),
        raised(),
        version="3.13.5",
    )
    found = changes(result_of(*old), result_of(*new))
    assert [(one.attempt, one.kind) for one in found.attempts] == [
        ("a1", ChangeKind.FAILS_NOW),
        ("a2", ChangeKind.ENDS_OTHERWISE),
        ("a0", ChangeKind.STACK),
    ]
    assert {one.pythons for one in found.attempts} == {("3.12.1", "3.13.5")}
    assert found.compared == 4


def test_the_same_python_is_compared_where_both_have_it() -> None:
    old = [result(interpreter=interpreter(version)) for version in ("3.12.1", "3.13.5")]
    new = [result(interpreter=interpreter(version)) for version in ("3.13.7", "3.14.0", "3.9.2")]
    found = changes(result_of(*old), result_of(*new))
    assert [(one.kind, one.pythons[0]) for one in found.attempts] == [
        (ChangeKind.GONE, "3.12.1"),
        (ChangeKind.NEW, "3.14.0"),
        (ChangeKind.NEW, "3.9.2"),
    ]


def test_what_is_gone_and_what_is_new() -> None:
    found = compared(result(attempt="old"), result(attempt="new")).attempts
    told = "ConnectionRefusedError was raised"
    assert [(one.attempt, one.kind, one.before, one.now) for one in found] == [
        ("old", ChangeKind.GONE, told, ""),
        ("new", ChangeKind.NEW, "", told),
    ]


def test_what_is_new_and_bad_is_worse() -> None:
    bad = result(attempt="new", expectation=expectation(attrs={"errno": "EPIPE"}))
    found = changes(result_of(result()), result_of(result(), bad))
    assert [(one.attempt, one.kind, one.before) for one in found.attempts] == [
        ("new", ChangeKind.WORSE, "")
    ]
    assert found.worse


def test_what_a_run_that_was_cut_short_lacks_is_worse() -> None:
    whole, cut = result_of(result(), result(attempt="b")), result_of(result(), interrupted=True)
    assert [one.kind for one in changes(whole, cut).attempts] == [ChangeKind.WORSE]
    assert changes(whole, cut).worse
    assert not changes(whole, result_of(result())).worse


def test_of_repeats_the_worst_is_told() -> None:
    old = [result(repeat=n, expectation=None) for n in (1, 2, 3)]
    new = [
        result(seen, repeat=n, expectation=None)
        for n, seen in enumerate([raised(), returned("1"), raised(stack=frames("m:f"))], 1)
    ]
    found = changes(result_of(*old), result_of(*new))
    assert [one.kind for one in found.attempts] == [ChangeKind.ENDS_OTHERWISE]


def test_an_attempt_that_was_not_made_has_only_its_verdict() -> None:
    broken = result().model_copy(
        update={"observed": None, "verdict": Verdict.ERROR, "reasons": ("dns died", "look")}
    )
    (found,) = compared(result(), broken).attempts
    assert (found.kind, found.now) == (ChangeKind.WORSE, "error: dns died")


def test_what_the_two_ran_with() -> None:
    def image(python: str, **packages: str) -> dict[str, ImageInfo]:
        return {"client": ImageInfo(id="x", origin="host", python=python, packages=packages)}

    old = result_of(result()).model_copy(update={"images": image("3.13.5", httpx="1")})
    engine = EngineInfo(name="docker", version="29")
    new = result_of(result()).model_copy(
        update={"labctl": "0.2.0", "engine": engine, "images": image("3.13.6", h2="4")}
    )
    assert changes(old, new).setting == (
        ("labctl", "0.1.0", "0.2.0"),
        ("the engine's version", "20.10", "29"),
        ("Python in client", "3.13.5", "3.13.6"),
        ("h2 in client", "none", "4"),
        ("httpx in client", "1", "none"),
    )


def test_a_client_that_was_killed_ends_otherwise() -> None:
    killed = Observation(outcome=Outcome.KILLED, signal="SIGKILL")
    found = between(raised(), killed)
    assert found == (
        ChangeKind.ENDS_OTHERWISE,
        "ConnectionRefusedError was raised",
        "the client was killed (SIGKILL)",
    )


def test_a_change_says_whose_it_is() -> None:
    (found,) = compared(result(client="my.py"), result(returned(), client="my.py")).attempts
    assert isinstance(found, Change)
    assert (found.scenario, found.attempt, found.client) == ("refused-port", "smtplib", "my.py")
