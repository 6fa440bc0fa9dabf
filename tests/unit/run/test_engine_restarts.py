"""Runs whose engine is restarted between two attempts: labs on a Runtime in memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from labctl.model.compose import Service
from labctl.model.plan import Plan
from labctl.model.result import Verdict
from labctl.run.runner import Runner
from labctl.run.session import Session
from tests.unit.engine.fake_runtime import FakeRuntime
from tests.unit.engine.test_lab import DNS, LIMIT_S, attempt, engine, lab_of
from tests.unit.judge.samples import scenario

NAMES = ("first", "second", "third", "fourth")
OTHER_IMAGE = DNS.model_copy(update={"image": "own/web"})
"""A service whose state the engine is asked for before each attempt."""


def restart(runtime: FakeRuntime) -> None:
    """End the engine with all its containers, and have it back at once."""
    runtime.go_away()
    runtime.is_there = True


@pytest.mark.parametrize("service", [DNS, OTHER_IMAGE])
def test_a_restart_between_two_attempts_costs_a_run_nothing(service: Service) -> None:
    runtime = FakeRuntime()
    lab = replace(lab_of(service), attempts=tuple(map(attempt, NAMES)))
    runner = Runner(engine(runtime), jobs=1, limit_s=LIMIT_S)
    for number, _ in enumerate(runner.run(Plan(labs=(lab,)))):
        if number == 0:
            restart(runtime)
    assert sorted(result.attempt for result in runner.results) == sorted(NAMES)
    assert [r.reasons for r in runner.results if r.verdict is Verdict.ERROR] == []
    assert runner.errors == []
    assert runtime.is_empty


@pytest.mark.parametrize("service", [DNS, OTHER_IMAGE])
def test_a_restart_between_two_attempts_costs_a_session_nothing(service: Service) -> None:
    runtime = FakeRuntime()
    session = Session(engine(runtime))
    one = scenario(services=(service,))
    for name in NAMES:
        made = session.make(one, attempt(name), limit_s=LIMIT_S)
        assert made.result.verdict is not Verdict.ERROR
        restart(runtime)
    session.close(interrupted=False)
    assert session.errors == []
    assert runtime.is_empty
