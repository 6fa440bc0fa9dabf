"""What `labctl record` does, from what the command line asks for to an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import typer
from rich.text import Text

from labctl.cli import execute
from labctl.cli.execute import Limits
from labctl.cli.output import Output
from labctl.cli.rewriting import Rewriting
from labctl.engine.access import open_engine
from labctl.model.plan import Interpreter
from labctl.model.result import AttemptResult, EngineInfo
from labctl.model.scenario import Attempt, Scenario
from labctl.pythons import SERIES, parse_series
from labctl.record.attempt import Recorded, record
from labctl.report.console import make_console
from labctl.results.summary import NOT_AS_EXPECTED, exit_code
from labctl.run.examine import Ended
from labctl.run.plan import plan
from labctl.run.progress import Bar
from labctl.run.selection import select_unrecorded
from labctl.run.signals import terminable

_BULK = {"packets": (), "stdout": "", "stderr": ""}
"""What nothing is recorded of, and would take room."""
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the command line asks for; `unasked` lets files be written without a question."""

    names: tuple[str, ...]
    everything: bool
    folders: tuple[Path, ...]
    attempts: tuple[str, ...]
    pythons: str
    repeat: int
    limits: Limits
    unasked: bool


class Collector:
    """Keeps of every attempt what its expectation is made of."""

    def __init__(self, total: int, bar: Bar) -> None:
        self._total = total
        self._bar = bar
        self.results: list[AttemptResult] = []

    @property
    def complete(self) -> bool:
        """Whether every attempt has ended."""
        return len(self.results) == self._total

    def ended(self, ended: Ended, /) -> None:
        """Take note of one more."""
        seen = ended.result.observed
        slim = seen and seen.model_copy(update=_BULK)
        self.results.append(ended.result.model_copy(update={"observed": slim}))
        self._bar.attempt(len(self.results))

    def show(self, *, interrupted: bool) -> None:
        """Nothing: what is half seen is not recorded."""


def carry_out(wanted: Wanted) -> int:
    """Record; returns the exit code. All input is checked before a lab is started."""
    output = Output()
    with terminable():
        scenarios = _scenarios(wanted)
        series = parse_series(wanted.pythons)
        files = [Rewriting(s.path, [a.name for a in s.attempts]) for s in scenarios]
        if not files:
            output.note("nothing to record: all have their `expect`; --all records them anew")
            return 0
        results, pythons = _make(scenarios, series, wanted, output)
    problems = 0
    for scenario, file in zip(scenarios, files, strict=True):
        found = {a.name: _record(scenario, a, results, pythons) for a in scenario.attempts}
        file.fill_in({name: one.variants for name, one in found.items() if one.says_more})
        problems += sum(bool(one.problem) for one in found.values())
        for line in _told(scenario, found):
            output.note(line)
    written = _write([file for file in files if file.changed], output, unasked=wanted.unasked)
    return max(exit_code(results), NOT_AS_EXPECTED if problems or not written else 0)


def _scenarios(wanted: Wanted) -> list[Scenario]:
    """The scenarios that have something to record, each with just the attempts to be recorded."""
    scenarios = select_unrecorded(names=wanted.names, folders=wanted.folders)
    plan(scenarios, interpreters=(), attempts=wanted.attempts)  # are there such attempts?
    chosen = [
        replace(scenario, attempts=tuple(a for a in scenario.attempts if _is_wanted(a, wanted)))
        for scenario in scenarios
    ]
    return [scenario for scenario in chosen if scenario.attempts]


def _is_wanted(attempt: Attempt, wanted: Wanted) -> bool:
    named = not wanted.attempts or attempt.name in wanted.attempts
    return named and (wanted.everything or not attempt.expectations)


def _make(
    scenarios: Sequence[Scenario], series: Sequence[str], wanted: Wanted, output: Output
) -> tuple[list[AttemptResult], list[Interpreter]]:
    """The results of all attempts, in the order in which they ended, and the Pythons used."""
    engine = open_engine()
    pythons = execute.pythons_for(engine, scenarios, series, output)
    todo = plan(
        scenarios,
        interpreters=pythons.plain,
        with_libraries=pythons.equipped,
        repeat=wanted.repeat,
        judged=False,
    )
    collectors: list[Collector] = []

    def collector(bar: Bar, _info: EngineInfo) -> Collector:
        collectors.append(Collector(sum(len(lab.attempts) for lab in todo.labs), bar))
        return collectors[0]

    execute.make_attempts(todo, engine, wanted.limits, output, collector)
    return collectors[0].results, pythons.plain


def _record(
    scenario: Scenario,
    attempt: Attempt,
    results: Sequence[AttemptResult],
    pythons: Sequence[Interpreter],
) -> Recorded:
    own = [r for r in results if (r.scenario, r.attempt) == (scenario.name, attempt.name)]
    by_python = {p.series: [r for r in own if r.python == p.version] for p in pythons}
    return record(attempt, by_python, known=SERIES)


def _told(scenario: Scenario, found: dict[str, Recorded]) -> list[str]:
    """What there is to say of a scenario's attempts, beside what they expect."""
    told = []
    for name, one in found.items():
        if one.problem:
            told.append(f"{scenario.name}/{name}: not recorded: {one.problem}")
        told += [f"{scenario.name}/{name}: {note}" for note in one.notes]
    return told


def _write(files: Sequence[Rewriting], output: Output, *, unasked: bool) -> bool:
    """Show what changes, and write it where that is wanted; whether nothing is left to write."""
    console = make_console()
    for line in (line for file in files for line in file.diff()):
        console.print(Text(line, _COLOURS.get(line[0], "")), soft_wrap=True)
    if not files:
        output.note("nothing changes")
        return True
    if not unasked and not (sys.stdin.isatty() and typer.confirm(_question(files), err=True)):
        output.note("nothing was written; --yes writes without asking")
        return False
    for file in files:
        file.write()
    output.note(f"wrote {', '.join(str(file.path) for file in files)}")
    return True


def _question(files: Sequence[Rewriting]) -> str:
    return f"Write {files[0].path}?" if len(files) == 1 else f"Write these {len(files)} files?"
