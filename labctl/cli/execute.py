"""What `labctl run` does, from what the command line asks for to an exit code; and the making of
attempts, for every verb that makes some.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import docker

from labctl.cli.output import Output
from labctl.cli.selection import select
from labctl.cli.signals import patient, terminable
from labctl.engine.connect import connect
from labctl.engine.docker import DockerEngine
from labctl.engine.guard import guarded
from labctl.engine.images import LAB, SERIES, ImageStore, client_image, libraries_image
from labctl.errors import UsageError
from labctl.load.scenario import read_client
from labctl.model.plan import Interpreter, Plan
from labctl.model.result import AttemptResult, EngineInfo, ImageInfo
from labctl.model.scenario import Scenario
from labctl.plan import Client, check_variants, plan
from labctl.runner import Runner

if TYPE_CHECKING:
    from labctl.cli.progress import Bar
    from labctl.examine import Ended

DISAGREE = 1


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
    """How attempts are made: `jobs` at once, none longer than `limit_s`; whether labs stay."""

    jobs: int
    limit_s: float
    keep: bool = False


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the command line asks for."""

    names: tuple[str, ...]
    everything: bool
    tags: tuple[str, ...]
    folders: tuple[Path, ...]
    attempts: tuple[str, ...]
    pythons: str
    client: Path | None
    repeat: int
    limits: Limits
    json: str
    pcaps: Path | None


def execute(wanted: Wanted, output: Output | None = None) -> int:
    """Do it; returns the exit code. `output` shows what was found; without it, a run's report.

    All input is checked before a lab is started, and before the engine is asked for anything; only
    where a variant of `expect` is for some versions of a Python alone does it take images to tell.
    """
    with terminable():
        scenarios = _scenarios(wanted)
        series = parse_pythons(wanted.pythons)
        check_variants(scenarios, series, wanted.attempts)
        client = _client(wanted.client) if wanted.client else None
        output = output or Output(wanted.json)
        if wanted.pcaps:
            from labctl.cli.reporter import capture_folder  # noqa: PLC0415 imports much

            capture_folder(wanted.pcaps)
        docker_client = connect()
        pythons = pythons_for(docker_client, scenarios, series, output, attempts=wanted.attempts)
        todo = plan(
            scenarios,
            interpreters=pythons.plain,
            with_libraries=pythons.equipped,
            attempts=wanted.attempts,
            client=client,
            repeat=wanted.repeat,
        )

        def reporter(bar: Bar, info: EngineInfo) -> Follower:
            from labctl.cli.reporter import Reporter  # noqa: PLC0415 imports much

            return Reporter(todo, info, pythons.images, output, bar, wanted.pcaps)

        results = make_attempts(todo, docker_client, wanted.limits, output, reporter)
    from labctl.judge.results import disagreements, exit_code  # noqa: PLC0415 imports much

    return max(exit_code(results), DISAGREE if disagreements(results) else 0)


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
    docker_client: docker.APIClient, scenarios: Sequence[Scenario], series: Sequence[str],
    output: Output, *, attempts: Sequence[str] = (),
) -> Pythons:  # fmt: skip
    """What the scenarios' attempts run on; images are built where they are missing. `attempts`
    are the names of those to be made, if not all are.
    """
    equipped = series if _need_libraries(scenarios, attempts) else []
    with output.progress("images") as progress:
        images = ImageStore(docker_client).ensure(
            [LAB, *map(client_image, series), *map(libraries_image, equipped)],
            progress=progress.image,
        )
    return Pythons(
        plain=[_interpreter(one, client_image(one), images) for one in series],
        equipped=[_interpreter(one, libraries_image(one), images) for one in equipped],
        images=images,
    )


def parse_pythons(text: str) -> list[str]:
    """`3.9,3.13` or `all` -> series. UsageError for one that there is no image for."""
    wanted = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if "all" in wanted:
        return list(SERIES)
    for series in wanted or [text]:
        if series not in SERIES:
            raise UsageError(
                f"no client image has Python {series!r}",
                hint=f"there are {', '.join(SERIES)}, and all",
            )
    return wanted


def _client(path: Path) -> Client:
    return Client(path=path, source=read_client(path))


def _need_libraries(scenarios: Sequence[Scenario], attempts: Sequence[str]) -> bool:
    """Whether one of the attempts that were asked for requires a library."""
    made = (one for scenario in scenarios for one in scenario.attempts)
    return any(one.requires for one in made if not attempts or one.name in attempts)


def _interpreter(series: str, image: str, images: Mapping[str, ImageInfo]) -> Interpreter:
    found = images[image]
    return Interpreter(series=series, version=found.python, image=image, packages=found.packages)


def make_attempts(
    todo: Plan,
    docker_client: docker.APIClient,
    limits: Limits,
    output: Output,
    follower: Callable[[Bar, EngineInfo], Follower],
) -> list[AttemptResult]:
    """Make every attempt of a plan, guarded: if labctl is killed, the labs go all the same."""
    run = secrets.token_hex(4)
    engine = DockerEngine(docker_client, run=run, keep=limits.keep)
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
    engine: DockerEngine,
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
        )
        try:
            runner.run(todo)
        except BaseException:
            bar.stop()
            with patient():
                try:
                    engine.sweep()
                finally:
                    if not following().complete:
                        following().show(interrupted=True)
            raise
    from labctl.judge.results import untold  # noqa: PLC0415 imports much

    for trouble in untold(runner.troubles, runner.results):
        output.warn(trouble)
    if runner.troubles and not limits.keep:
        engine.sweep()
    return runner.results
