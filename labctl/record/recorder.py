"""Records scenarios: makes their attempts, and finds out what to write into their files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from labctl.engine.access import open_engine
from labctl.model.plan import Interpreter
from labctl.model.result import AttemptResult
from labctl.model.scenario import Attempt, Scenario
from labctl.pythons import SERIES, parse_series
from labctl.record.attempt import AttemptRecording, record
from labctl.record.rewriting import Rewriting
from labctl.results.summary import NOT_AS_EXPECTED, exit_code
from labctl.run.guarded import GuardedRunner
from labctl.run.output import Output
from labctl.run.plan import check_selected, plan
from labctl.run.pythons import find_pythons, need_libraries
from labctl.run.request import Limits
from labctl.run.selection import select_unrecorded
from labctl.run.signals import terminable

_BULK = {"packets": (), "stdout": "", "stderr": ""}
"""Fields of observations that nothing is recorded of: they would take room."""


@dataclass(frozen=True, kw_only=True)
class RecordRequest:
    """What to record, as the command line says it.

    Without `everything`, only attempts that expect nothing yet are recorded.
    """

    names: tuple[str, ...]
    everything: bool
    folders: tuple[Path, ...]
    attempts: tuple[str, ...]
    pythons: str
    repeat: int
    limits: Limits


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What was recorded: the files that would change, lines to say of it, and the exit code.

    `is_empty` says that there was nothing to record.
    """

    files: list[Rewriting]
    notes: list[str]
    exit_code: int
    is_empty: bool = False


def record_scenarios(request: RecordRequest, output: Output) -> Recording:
    """Run scenarios, and return what to write into their files; writes nothing itself.

    All input is checked before a lab is started.
    """
    with terminable():
        scenarios = _scenarios(request)
        series = parse_series(request.pythons)
        files = [Rewriting(s.path, [a.name for a in s.attempts]) for s in scenarios]
        if not files:
            return Recording(files=[], notes=[], exit_code=0, is_empty=True)
        results, pythons = _make(scenarios, series, request, output)
    notes: list[str] = []
    has_problems = False
    for scenario, file in zip(scenarios, files, strict=True):
        recorded = {a.name: _record(scenario, a, results, pythons) for a in scenario.attempts}
        file.fill_in({name: one.variants for name, one in recorded.items() if one.has_news})
        has_problems |= any(one.problem for one in recorded.values())
        notes += _notes(scenario, recorded)
    return Recording(
        files=[file for file in files if file.changed],
        notes=notes,
        exit_code=max(exit_code(results), NOT_AS_EXPECTED if has_problems else 0),
    )


def _scenarios(request: RecordRequest) -> list[Scenario]:
    """Return the scenarios with something to record, each with just the attempts to record."""
    scenarios = select_unrecorded(names=request.names, folders=request.folders)
    check_selected(scenarios, request.attempts)
    chosen = [
        replace(scenario, attempts=tuple(a for a in scenario.attempts if _is_asked_for(a, request)))
        for scenario in scenarios
    ]
    return [scenario for scenario in chosen if scenario.attempts]


def _is_asked_for(attempt: Attempt, request: RecordRequest) -> bool:
    """Tell whether an attempt is to be recorded."""
    is_named = not request.attempts or attempt.name in request.attempts
    return is_named and (request.everything or not attempt.expectations)


def _make(
    scenarios: Sequence[Scenario], series: Sequence[str], request: RecordRequest, output: Output
) -> tuple[list[AttemptResult], list[Interpreter]]:
    """Make all attempts; return their results, in the order of the plan, and the Pythons without
    libraries.
    """
    access = open_engine()
    needed = need_libraries(attempt for s in scenarios for attempt in s.attempts)
    pythons = find_pythons(access, series, output, with_libraries=needed)
    todo = plan(
        scenarios,
        interpreters=pythons.plain,
        with_libraries=pythons.equipped,
        repeat=request.repeat,
        judged=False,
    )
    results: dict[str, AttemptResult] = {}
    with GuardedRunner(access, request.limits, output) as runner:
        for ended in runner.run(todo):
            observed = ended.result.observed
            kept = observed and observed.model_copy(update=_BULK)
            results[ended.attempt.key] = ended.result.model_copy(update={"observed": kept})
    return [results[a.key] for a in todo.attempts if a.key in results], pythons.plain


def _record(
    scenario: Scenario,
    attempt: Attempt,
    results: Sequence[AttemptResult],
    pythons: Sequence[Interpreter],
) -> AttemptRecording:
    """Make a recording of an attempt from its results, by Python."""
    own = [r for r in results if (r.scenario, r.attempt) == (scenario.name, attempt.name)]
    by_python = {p.series: [r for r in own if r.python == p.version] for p in pythons}
    return record(attempt, by_python, known=SERIES)


def _notes(scenario: Scenario, recorded: dict[str, AttemptRecording]) -> Iterator[str]:
    """Yield what there is to say of a scenario's attempts, beside what they expect."""
    for name, one in recorded.items():
        if one.problem:
            yield f"{scenario.name}/{name}: not recorded: {one.problem}"
        yield from (f"{scenario.name}/{name}: {note}" for note in one.notes)
