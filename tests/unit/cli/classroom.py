"""`labctl check` and `labctl grade` on an engine made of locks, with packets made by hand."""

from __future__ import annotations

import pytest

from labctl.model.evidence import Capture, Evidence
from labctl.model.plan import PlannedAttempt
from tests.unit.cli.bench import Bench
from tests.unit.cli.conftest import Labctl
from tests.unit.fake_engine import FakeEngine
from tests.unit.judge.samples import evidence, report
from tests.unit.wire import build

EXERCISE = """\
name: small
title: Does it answer?
text: |
  Write client.py. It goes to LAB_HOST, port LAB_PORT,

  - and exits with 0
  - or not.
limits: {tries: 2, time: 5s}
clients:
  tell:
    file: client.py
    text: It tells.
    runs:
      refused:
        title: Nobody listens
        scenario: refused-port
        checks:
          - {exit: 0, points: 2, hint: "sys.exit(0)"}
          - {tries: {min: 1, max: 1}}
      quiet:
        title: Nobody is to know of this
        scenario: refused-port
        hidden: true
        checks: [{exit: 0, points: 4}]
"""
FOLDER = "exercises/small"
FILE = f"{FOLDER}/exercise.yaml"


def behaves(attempt: PlannedAttempt) -> Evidence:
    """What a program leaves that goes to its target once. It exits with the number that is all of
    its source, 0 without one.
    """
    code = int(attempt.source) if attempt.source.strip().isdecimal() else 0
    said = report(
        outcome="returned", exception=None, stack=[], exit=code, stdout="hello", returned="None"
    )
    return evidence(said, exit=0, capture=_packets(attempt.target.host, attempt.target.port))


def _packets(host: str, port: int) -> Capture:
    taken = build.Capture()
    taken.ask(host)
    taken.tell(host, build.CLOSED)
    taken.connection(build.CLOSED, port).syn().refuse()
    return Capture(packets=tuple(taken.raws), lost=0, names={}, resolvers=(build.DNS,))


class Classroom(Bench):
    """Runs any verb; programs behave."""

    def __init__(self, labctl: Labctl, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(labctl, monkeypatch)
        self.engine = FakeEngine(leaves=behaves)
