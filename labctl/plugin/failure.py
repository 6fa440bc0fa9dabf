"""The reports of tests that fail: labctl's diff and ladder instead of a traceback."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import pytest

from labctl.errors import EngineError
from labctl.model.result import AttemptResult
from labctl.plugin.lab_result import LAB_RESULTS
from labctl.plugin.rendering import attempt_report
from labctl.text import escape_control

_MAX_SECTIONS = 5
"""Clients of one test whose results are in its report: the last ones."""


class AttemptFailed(Exception):
    """An attempt of a scenario did not go as the scenario expects."""

    def __init__(self, result: AttemptResult) -> None:
        """Take the result of the attempt."""
        super().__init__("; ".join(result.reasons))
        self.result = result


class _Writer(Protocol):
    """The part of pytest's TerminalWriter that is used."""

    hasmarkup: bool

    def line(self, s: str = "") -> None: ...


@dataclass(frozen=True)
class CrashLocation:
    """The place of a failure and its reason in one line, for pytest's summary."""

    path: str
    lineno: int
    message: str


class AttemptRepr:
    """The failure of an attempt as pytest prints it, in colour if the terminal has colours."""

    def __init__(self, result: AttemptResult, location: CrashLocation) -> None:
        """Take the result of the attempt, and where pytest says that it failed."""
        self._result = result
        self.reprcrash = location

    def toterminal(self, tw: _Writer) -> None:
        """Write the report to pytest's terminal writer."""
        for line in attempt_report(self._result, has_colour=tw.hasmarkup).splitlines():
            tw.line(line)

    def __str__(self) -> str:
        """Return the report as text."""
        return attempt_report(self._result)


def attempt_repr(result: AttemptResult, location: tuple[str, int | None, str]) -> AttemptRepr:
    """Return the failure of an attempt; `location` is pytest's for the test, lines from 0."""
    path, line, _ = location
    reason = escape_control(result.reasons[0]) if result.reasons else ""
    return AttemptRepr(result, CrashLocation(path=path, lineno=(line or 0) + 1, message=reason))


def complete_report(
    report: pytest.TestReport, call: pytest.CallInfo[None], item: pytest.Item
) -> None:
    """Complete the report of a test that has used the fixture `lab`; leave other reports unchanged.

    A failed test gets a section for each client that it ran. If the lab broke, the report becomes
    an error of the setup, even for a test with xfail: a broken lab says nothing about a client.
    """
    if LAB_RESULTS not in item.stash:
        return
    if call.excinfo and call.excinfo.errisinstance(EngineError):
        report.when, report.outcome = "setup", "failed"
        vars(report).pop("wasxfail", None)
    elif report.failed:
        results = item.stash[LAB_RESULTS][-_MAX_SECTIONS:]
        report.sections += [(f"lab: {one.title}", str(one)) for one in results]
