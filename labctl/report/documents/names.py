"""How documents name attempts, and where in a scenario's file each is. All text is safe."""

from __future__ import annotations

from dataclasses import dataclass

from labctl.model.result import AttemptResult, Result
from labctl.text import escape_control


@dataclass(frozen=True)
class SourceLine:
    """A line of a scenario's file, counted from 1; 0 where only the file is known, and an empty
    path where not even that is.
    """

    path: str = ""
    line: int = 0


def suite_name(result: Result, scenario: str) -> str:
    """Return the name of a scenario's test suite: `tcp.refused-port`, or without the layer if it is
    not known.
    """
    info = result.scenarios.get(scenario)
    return escape_control(f"{info.layer}.{scenario}" if info and info.layer else scenario)


def case_name(attempt: AttemptResult) -> str:
    """Return the name of an attempt's test case: `smtplib [3.13.5, my.py, repeat 2]`. Within a
    scenario it is unique.
    """
    told = [attempt.python, attempt.client, f"repeat {attempt.repeat}"]
    if attempt.repeat == 1:
        told.pop()
    return escape_control(f"{attempt.attempt} [{', '.join(filter(None, told))}]")


def source_line(result: Result, attempt: AttemptResult) -> SourceLine:
    """Return the file and the line where the attempt is written."""
    info = result.scenarios.get(attempt.scenario)
    if info is None or not info.path:
        return SourceLine()
    return SourceLine(info.path, max(info.lines.get(attempt.attempt, 0), 0))
