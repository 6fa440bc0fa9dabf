"""What `labctl run` does, from what the command line asks for to an exit code; and the making of
attempts, for every verb that makes some.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from labctl import __version__
from labctl.cli.output import Output
from labctl.engine.access import EngineAccess, open_engine
from labctl.engine.guard import guarded
from labctl.engine.images import LAB, ImageState, client_image, libraries_image
from labctl.engine.protocol import Engine
from labctl.errors import UsageError
from labctl.load.imports import libraries_in
from labctl.load.lock import check_lock, read_lock
from labctl.load.policy import load_policy
from labctl.load.scenario import read_client
from labctl.model.lock import Lock
from labctl.model.plan import Interpreter, Plan, Unit
from labctl.model.policy import Policy
from labctl.model.result import AttemptResult, EngineInfo, ImageInfo, ScenarioInfo
from labctl.model.scenario import Scenario
from labctl.pythons import parse_series
from labctl.run.plan import Client, check_variants, plan
from labctl.run.runner import Runner
from labctl.run.selection import catalogue, measured_times, select
from labctl.run.shards import parse_shard, shard
from labctl.run.signals import patient, terminable

if TYPE_CHECKING:
    from labctl.run.examine import Ended
    from labctl.run.progress import Bar

DISAGREE = 1
DEFAULT = "default"
"""Given in place of a policy: the one without entries."""


class Follower(Protocol):
    """Follows the making of attempts: is told of each that has ended, by one thread at a time."""

    @property
    def complete(self) -> bool:
        """Whether every attempt has ended."""

    def ended(self, ended: Ended, /) -> None:
        """Take note of one more."""

    def show(self, *, interrupted: bool) -> None:
        """Show what there is: something came between."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How attempts are made: `jobs` at once, none longer than `limit_s`; whether labs stay, and
    whether no more are made after one that is not as expected.
    """

    jobs: int
    limit_s: float
    keep: bool = False
    fail_fast: bool = False


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the command line asks for. `client` is one of one's own, judged by the file `policy` if
    there is one, `default` being the policy without entries; `only` are the units to make of all
    those asked for, None for all; `shard` is 2/5, or empty; `lock` the file that images must agree
    with. `infos` says what a result is to tell of scenarios, where that is known already.
    """

    names: tuple[str, ...] = ()
    everything: bool = False
    tags: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()
    attempts: tuple[str, ...] = ()
    pythons: str
    client: Client | None = None
    policy: str = ""
    repeat: int = 1
    limits: Limits
    documents: Mapping[str, str] = field(default_factory=dict)
    pcaps: Path | None = None
    only: frozenset[Unit] | None = None
    shard: str = ""
    lock: Path | None = None
    infos: Mapping[str, ScenarioInfo] = field(default_factory=dict)


def execute(wanted: Wanted, output: Output | None = None) -> int:
    """Do it; returns the exit code. `output` shows what was found; without it, a run's report.

    All input is checked before a lab is started, and before the engine is asked for anything; only
    where a variant of `expect` is for some versions of a Python alone does it take images to tell.
    """
    with terminable():
        part = parse_shard(wanted.shard) if wanted.shard else None
        scenarios = _scenarios(wanted)
        policy = _policy(wanted, scenarios)
        series = parse_series(wanted.pythons)
        if not policy:
            check_variants(scenarios, series, wanted.attempts)
        lock = read_lock(wanted.lock) if wanted.lock else None
        output = output or _output(wanted, policy, scenarios)
        if wanted.pcaps:
            from labctl.cli.reporter import capture_folder  # noqa: PLC0415 imports much

            capture_folder(wanted.pcaps)
        access = open_engine()
        pythons = pythons_for(
            access,
            scenarios,
            series,
            output,
            attempts=wanted.attempts,
            client=wanted.client,
            lock=lock,
        )
        todo = _plan(wanted, scenarios, pythons, policy, wanted.only)
        if part:
            units = {attempt.unit for lab in todo.labs for attempt in lab.attempts}
            chosen = shard(units, measured_times(), *part)
            todo = _plan(wanted, scenarios, pythons, policy, chosen)

        def reporter(bar: Bar, info: EngineInfo) -> Follower:
            from labctl.cli.reporter import Reporter, opened  # noqa: PLC0415 imports much

            frame = opened(wanted, policy, scenarios, info, pythons.images)
            return Reporter(todo, frame, output, bar, wanted.pcaps)

        results = make_attempts(todo, access, wanted.limits, output, reporter)
    from labctl.results.summary import disagreements, exit_code  # noqa: PLC0415 imports much

    return max(exit_code(results), DISAGREE if disagreements(results) else 0)


def _output(wanted: Wanted, policy: Policy | None, scenarios: Sequence[Scenario]) -> Output:
    if policy:
        from labctl.cli.surviving import SurvivalOutput  # noqa: PLC0415 imports much

        skipped = [one.name for one in scenarios if policy.skips(one.name)]
        return SurvivalOutput(wanted.documents, policy, wanted.client, skipped)
    return Output(wanted.documents)


def _plan(
    wanted: Wanted, scenarios: Sequence[Scenario], pythons: Pythons, policy: Policy | None,
    only: Collection[Unit] | None,
) -> Plan:  # fmt: skip
    return plan(
        scenarios,
        interpreters=pythons.plain,
        with_libraries=pythons.equipped,
        attempts=wanted.attempts,
        client=wanted.client,
        repeat=wanted.repeat,
        policy=policy,
        only=only,
    )


def client_of(path: Path) -> Client:
    """A client of one's own. InputError for a file that can't be read."""
    source = read_client(path)
    return Client(path=path, source=source, requires=libraries_in(source))


def _policy(wanted: Wanted, scenarios: Sequence[Scenario]) -> Policy | None:
    """What judges the client, as far as it is about these scenarios. UsageError where there is
    nothing to judge by it; InputError for a wrong file.
    """
    if not wanted.policy:
        return None
    if wanted.client is None:
        raise UsageError(
            "a policy judges a client of your own", hint="give --client, the file with your client"
        )
    if wanted.attempts:
        raise UsageError(
            "--attempt has the client judged by what that attempt expects, and not by a policy",
            hint="leave out --attempt, or --policy",
        )
    if wanted.policy == DEFAULT:
        return Policy()
    names = {*catalogue(wanted.folders).names(), *(one.name for one in scenarios), *wanted.infos}
    return load_policy(Path(wanted.policy), scenarios=names)


def _scenarios(wanted: Wanted) -> list[Scenario]:
    """The scenarios that were asked for, seen to have the attempts that were asked for."""
    scenarios = select(
        names=wanted.names, everything=wanted.everything, tags=wanted.tags, folders=wanted.folders
    )
    plan(scenarios, interpreters=(), attempts=wanted.attempts)
    return scenarios


@dataclass(frozen=True, kw_only=True)
class Pythons:
    """The interpreters of some series, without libraries and, if they are needed, with them."""

    plain: list[Interpreter]
    equipped: list[Interpreter]
    images: dict[str, ImageInfo]


def pythons_for(
    access: EngineAccess, scenarios: Sequence[Scenario], series: Sequence[str],
    output: Output, *, attempts: Sequence[str] = (), client: Client | None = None,
    lock: Lock | None = None,
) -> Pythons:  # fmt: skip
    """What the scenarios' attempts run on; images are built where they are missing, unless a lock
    says which they must be. `attempts` are the names of those to be made, if not all are.
    """
    needed = _need_libraries(scenarios, attempts) or bool(client and client.requires)
    equipped = series if needed else []
    names = [LAB, *map(client_image, series), *map(libraries_image, equipped)]
    store = access.images()
    if lock:
        there = {one.name: one.info for one in store.status(names) if one.state is ImageState.READY}
        check_lock(lock, there, names, __version__)
    with output.progress("images") as progress:
        images = store.ensure(names, progress=progress.image)
    return Pythons(
        plain=[_interpreter(one, client_image(one), images) for one in series],
        equipped=[_interpreter(one, libraries_image(one), images) for one in equipped],
        images=images,
    )


def _need_libraries(scenarios: Sequence[Scenario], attempts: Sequence[str]) -> bool:
    """Whether one of the attempts that were asked for requires a library."""
    made = (one for scenario in scenarios for one in scenario.attempts)
    return any(one.requires for one in made if not attempts or one.name in attempts)


def _interpreter(series: str, image: str, images: Mapping[str, ImageInfo]) -> Interpreter:
    found = images[image]
    return Interpreter(series=series, version=found.python, image=image, packages=found.packages)


def make_attempts(
    todo: Plan,
    access: EngineAccess,
    limits: Limits,
    output: Output,
    follower: Callable[[Bar, EngineInfo], Follower],
) -> list[AttemptResult]:
    """Make every attempt of a plan, guarded: if labctl is killed, the labs go all the same."""
    run = secrets.token_hex(4)
    engine = access.for_run(run, keep=limits.keep)
    with nullcontext() if limits.keep else guarded(run):
        results = _carry_out(todo, engine, limits, output, follower)
    if limits.keep:
        output.note(
            f"the lab is still there: docker ps --filter label=labctl.run={run}; "
            "labctl clean removes it"
        )
    return results


def _carry_out(
    todo: Plan,
    engine: Engine,
    limits: Limits,
    output: Output,
    follower: Callable[[Bar, EngineInfo], Follower],
) -> list[AttemptResult]:
    """Run the plan; what was won is shown and written even if something interrupts it.

    Where a lab could not be taken down, what is left is removed here. EngineError if it can't be.
    """
    total = sum(len(lab.attempts) for lab in todo.labs)
    info = engine.info()
    with output.progress("attempts", total=total) as bar:

        @cache
        def following() -> Follower:
            bar.begin()
            return follower(bar, info)

        runner = Runner(
            engine,
            jobs=limits.jobs,
            limit_s=limits.limit_s,
            reporter=lambda: following().ended,
            fail_fast=limits.fail_fast,
        )
        try:
            runner.run(todo)
            if not total or not following().complete:
                # Nothing was to be made, or no more after a failure: nobody has shown it yet.
                following().show(interrupted=bool(total))
        except BaseException:
            bar.stop()
            with patient():
                try:
                    engine.sweep()
                finally:
                    if not following().complete:
                        following().show(interrupted=True)
            raise
    from labctl.results.summary import unreported  # noqa: PLC0415 imports much

    for trouble in unreported(runner.troubles, runner.results):
        output.warn(trouble)
    if runner.troubles and not limits.keep:
        engine.sweep()
    return runner.results
