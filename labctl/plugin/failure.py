"""What people see of a test that failed: our diff and ladder in the place of a traceback."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pytest

from labctl import __version__
from labctl.errors import EngineError
from labctl.model.result import AttemptResult, EngineInfo, Result
from labctl.text import escape_control

if TYPE_CHECKING:
    from rich.console import RenderableType

    from labctl.plugin.seen import Seen

_DRAWN_LIMIT = 5
"""Clients of one test that are drawn where it fails, the last ones."""


class NotAsExpected(Exception):
    """An attempt did not go as its scenario says."""

    def __init__(self, result: AttemptResult) -> None:
        super().__init__("; ".join(result.reasons))
        self.result = result


class _Writer(Protocol):
    """What of pytest's TerminalWriter is needed."""

    hasmarkup: bool

    def line(self, s: str = "") -> None: ...


@dataclass(frozen=True)
class Place:
    """Where it failed, and why in one line, for pytest's summary."""

    path: str
    lineno: int
    message: str


class Drawn:
    """A failure as pytest takes it: it prints itself, in colour where the terminal has some."""

    def __init__(self, result: AttemptResult, place: Place) -> None:
        self._result = result
        self.reprcrash = place

    def toterminal(self, tw: _Writer) -> None:
        """Print it."""
        for line in report(self._result, colour=tw.hasmarkup).splitlines():
            tw.line(line)

    def __str__(self) -> str:
        return report(self._result)


def drawn(result: AttemptResult, location: tuple[str, int | None, str]) -> Drawn:
    """The failure of an attempt; `location` as of the test, its line counted from 0."""
    path, line, _ = location
    reason = escape_control(result.reasons[0]) if result.reasons else ""
    return Drawn(result, Place(path=path, lineno=(line or 0) + 1, message=reason))


def report(result: AttemptResult, *, colour: bool = False) -> str:
    """All there is to say of one attempt, as `labctl run` does."""
    from labctl.report.run import render_run  # noqa: PLC0415
    from labctl.results.summary import summary  # noqa: PLC0415 with the rest, where it is needed

    whole = Result(
        labctl=__version__,
        engine=EngineInfo(name="docker", version=""),
        images={},
        summary=summary([result]),
        attempts=(result,),
    )
    return text_of(render_run(whole), colour=colour)


def text_of(renderable: RenderableType, *, colour: bool = False) -> str:
    """What a terminal shows, without the spaces at the ends of lines."""
    from rich.console import Console  # noqa: PLC0415

    from labctl.report.console import WIDTH  # noqa: PLC0415

    stream = io.StringIO()
    console = Console(
        file=stream,
        width=WIDTH,
        force_terminal=colour,
        color_system="standard" if colour else None,
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
    )
    console.print(renderable)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def complete(report: pytest.TestReport, call: pytest.CallInfo[None], seen: list[Seen]) -> None:
    """What a test with `lab` has in its report: where it failed, a drawing of what it saw; where
    the lab broke, it is an error of its setup, whatever the test expects: nobody's failure.
    """
    if call.excinfo and call.excinfo.errisinstance(EngineError):
        report.when, report.outcome = "setup", "failed"
        vars(report).pop("wasxfail", None)
    elif report.failed:
        report.sections += [(f"lab: {one.title}", str(one)) for one in seen[-_DRAWN_LIMIT:]]
