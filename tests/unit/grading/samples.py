"""A small exercise with all that one can have, submissions for it, and how attempts of it end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from labctl.errors import EngineError
from labctl.grading.gradebook import GradedSubmission
from labctl.grading.jobs import JobKey, JobPlan, Work
from labctl.judge import judge
from labctl.load.bundled import bundled_compose, bundled_folder
from labctl.load.catalogue import Catalogue
from labctl.load.exercise import Exercises
from labctl.model.exercise import Exercise, Run
from labctl.model.plan import Interpreter, PlannedAttempt
from labctl.model.result import Observation
from labctl.model.scenario import Scenario
from labctl.results.attempt import attempt_result, lab_error_result
from labctl.run.examine import EndedAttempt, wire_fields
from tests.unit.judge.samples import attempt, expectation, flow, interpreter, returned, scenario

EXERCISE = """\
name: small
title: A small one
text: Do this.
weight: 2
predict:
  about:
    refused: {scenario: refused-port, attempt: smtplib}
  questions:
    which: {about: refused, ask: exception, text: "Which?"}
    errno: {about: refused, ask: errno, text: "Which number?", hidden: true, points: 2}
clients:
  tell:
    file: client.py
    text: It tells.
    runs:
      refused:
        title: Nobody listens
        scenario: refused-port
        checks: [{exit: 0, points: 4}]
      quiet:
        title: Not told
        hidden: true
        bonus: true
        scenario: filtered-port
        checks: [{exit: 0, points: 8}]
scenarios:
  own:
    file: my.yaml
    text: Write one.
    raises: ConnectionRefusedError
    points: 16
"""
INTERPRETER: Interpreter = interpreter()
SOURCES = {"client.py": "import socket\n"}


def exercises(*folders: Path) -> Exercises:
    compose = bundled_compose()
    return Exercises(list(folders), Catalogue([bundled_folder("scenarios")], compose), compose)


def load(folder: Path, text: str = EXERCISE) -> Exercise:
    """The exercise in a file of its own in that folder."""
    file = folder / "exercise.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return exercises().load(str(file))


def own(*names: str) -> Scenario:
    """A scenario as students write it, with attempts of these names."""
    says = expectation(wire=["tcp closed.lab:2525 refused"])
    attempts = tuple(attempt(name, says) for name in names or ("smtplib",))
    return scenario("mine", attempts=attempts)


def submission(owner: str = "ada", **changes: Any) -> GradedSubmission:
    """All right: a program, an answer, and a scenario of the student's."""
    work = Work(owner=owner, sources=SOURCES, scenarios={"own": own()})
    given: dict[str, Any] = {
        "id": owner,
        "name": owner.title(),
        "submission": f"{owner}.zip",
        "digest": "d",
        "sources": SOURCES,
        "answers": {"which": "ConnectionRefusedError", "errno": 111},
        "work": work,
    }
    return GradedSubmission(**{**given, **changes})


def ended(planned: PlannedAttempt, observation: Observation, **changes: Any) -> EndedAttempt:
    """An attempt that was made, and judged."""
    result = attempt_result(planned, observation, judge(planned.expectation, observation))
    wire = changes.get("wire")
    told = {
        "took_s": changes.pop("took_s", 0.0),
        **(wire_fields(wire, observation) if wire else {}),
    }
    return EndedAttempt(attempt=planned, result=result.model_copy(update=told), **changes)


def broke(planned: PlannedAttempt) -> EndedAttempt:
    return EndedAttempt(attempt=planned, result=lab_error_result(planned, EngineError("no lab")))


def well(planned: PlannedAttempt, **changes: Any) -> Observation:
    """A program that went for its target, and exited with 0."""
    target = planned.target
    there = flow(host=target.host, port=target.port)
    return returned(flows=(there,), exit=0, **changes)


def attempts(made: JobPlan) -> list[tuple[JobKey, PlannedAttempt]]:
    planned = (one for lab in made.plan.labs for one in lab.attempts)
    return [(made.jobs[one.key], one) for one in planned]


def renamed(run: Run, name: str) -> Run:
    return replace(run, name=name)
