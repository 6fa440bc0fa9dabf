"""`labctl doctor`, on an engine that is a list of checks."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from labctl.engine import doctor
from labctl.model.check import Check, CheckState
from tests.unit.cli.conftest import Labctl

FINE = Check(name="engine", state=CheckState.OK, seen="docker 28.1")
LESS = Check(name="kernel", state=CheckState.LIMITED, seen="no numgen", hint="load nft_numgen")
GONE = Check(name="isolation", state=CheckState.MISSING, seen="a client reached this host")


def found(monkeypatch: pytest.MonkeyPatch, *checks: Check) -> None:
    def examine() -> Iterator[Check]:
        yield from checks

    monkeypatch.setattr(doctor, "examine", examine)


@pytest.mark.parametrize(
    ("checks", "code"), [((FINE,), 0), ((FINE, LESS), 0), ((FINE, GONE, LESS), 4)]
)
def test_the_exit_code_says_whether_labs_can_work(
    labctl: Labctl, monkeypatch: pytest.MonkeyPatch, checks: tuple[Check, ...], code: int
) -> None:
    found(monkeypatch, *checks)
    assert labctl("doctor").code == code
    assert labctl("doctor", "--json").code == code


def test_checks_are_printed_in_order(labctl: Labctl, monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, FINE, LESS)
    assert labctl("doctor").out == (
        "ok      engine: docker 28.1\nlimited kernel: no numgen\n        hint: load nft_numgen\n"
    )


def test_checks_as_json(labctl: Labctl, monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, FINE, LESS)
    assert json.loads(labctl("doctor", "--json").out) == [
        {"name": "engine", "state": "ok", "seen": "docker 28.1", "hint": ""},
        {"name": "kernel", "state": "limited", "seen": "no numgen", "hint": "load nft_numgen"},
    ]
