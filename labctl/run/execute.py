"""A run, from what it is asked for to an exit code."""

from __future__ import annotations

from collections.abc import Callable

from labctl.engine.access import open_engine
from labctl.model.plan import Plan
from labctl.model.result import AttemptResult
from labctl.results.summary import NOT_AS_EXPECTED, disagreements, exit_code
from labctl.run.guarded import GuardedRunner
from labctl.run.output import Output
from labctl.run.plan import keep_units, plan
from labctl.run.pythons import Pythons, find_pythons, need_libraries
from labctl.run.reporter import Reporter, capture_folder, empty_result
from labctl.run.request import RunInput, RunRequest, read_request
from labctl.run.selection import measured_times
from labctl.run.shards import shard
from labctl.run.signals import patient, terminable


def execute(request: RunRequest, open_output: Callable[[RunInput], Output]) -> int:
    """Run what a request asks for: load, plan, make the attempts, show the result; return the exit
    code.

    All input is read and checked before the engine is asked for anything. Then images are built
    where they are missing, labs started, attempts made and judged, and the result shown on the
    output. What was won is shown even if something interrupts the run.
    """
    with terminable():
        given = read_request(request)
        output = open_output(given)
        if request.pcaps:
            capture_folder(request.pcaps)
        results = _run(request, given, output)
    return max(exit_code(results), NOT_AS_EXPECTED if disagreements(results) else 0)


def _run(request: RunRequest, given: RunInput, output: Output) -> list[AttemptResult]:
    """Open the engine, get the images ready, make all attempts, and write the output."""
    access = open_engine()
    selected = (
        attempt
        for scenario in given.scenarios
        for attempt in scenario.attempts
        if not request.attempts or attempt.name in request.attempts
    )
    needed = need_libraries(selected, request.client)
    pythons = find_pythons(access, given.series, output, with_libraries=needed, lock=given.lock)
    todo = _plan(request, given, pythons)
    reporter: Reporter | None = None
    try:
        with GuardedRunner(access, request.limits, output) as runner:
            frame = empty_result(request, given, runner.engine_info(), pythons.images)
            reporter = Reporter(todo, frame, output.show, request.pcaps)
            for ended in runner.run(todo):
                reporter.add(ended)
            reporter.finish()
    except BaseException:
        with patient():
            if reporter:
                reporter.finish_early()
        raise
    return runner.results


def _plan(request: RunRequest, given: RunInput, pythons: Pythons) -> Plan:
    """Plan the attempts of a run, or those of its shard."""
    whole = plan(
        given.scenarios,
        interpreters=pythons.plain,
        with_libraries=pythons.equipped,
        attempts=request.attempts,
        client=request.client,
        repeat=request.repeat,
        policy=given.policy,
    )
    if request.only is not None:
        whole = keep_units(whole, request.only, given.scenarios)
    if given.shard is None:
        return whole
    units = {attempt.unit for attempt in whole.attempts}
    return keep_units(whole, shard(units, measured_times(), *given.shard), given.scenarios)
