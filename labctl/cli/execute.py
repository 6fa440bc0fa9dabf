"""What `labctl run` does, from what the command line asks for to an exit code."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import docker

from labctl.cli.output import Output
from labctl.cli.selection import select
from labctl.cli.signals import patient, terminable
from labctl.engine.connect import connect
from labctl.engine.docker import DockerEngine
from labctl.engine.guard import guarded
from labctl.engine.images import LAB, SERIES, ImageStore, client_image
from labctl.errors import UsageError
from labctl.load.scenario import read_client
from labctl.model.plan import Interpreter, Plan
from labctl.model.result import AttemptResult, ImageInfo
from labctl.model.scenario import Scenario
from labctl.plan import Client, check_variants, plan
from labctl.runner import Runner

if TYPE_CHECKING:
    from labctl.cli.reporter import Reporter

DISAGREE = 1


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
    jobs: int
    repeat: int
    limit_s: float
    keep: bool
    json: str
    pcaps: Path | None


def execute(wanted: Wanted) -> int:
    """Do it; returns the exit code.

    All input is checked before a lab is started, and before the engine is asked for anything; only
    where a variant of `expect` is for some versions of a Python alone does it take images to tell.
    """
    with terminable():
        scenarios = _scenarios(wanted)
        series = parse_pythons(wanted.pythons)
        check_variants(scenarios, series, wanted.attempts)
        client = _client(wanted.client) if wanted.client else None
        output = Output(wanted.json)
        if wanted.pcaps:
            from labctl.cli.reporter import capture_folder  # noqa: PLC0415 imports much

            capture_folder(wanted.pcaps)
        docker_client = connect()
        images = _images(docker_client, series, output)
        todo = plan(
            scenarios,
            interpreters=[_interpreter(one, images[client_image(one)]) for one in series],
            attempts=wanted.attempts,
            client=client,
            repeat=wanted.repeat,
        )
        run = secrets.token_hex(4)
        engine = DockerEngine(docker_client, run=run, keep=wanted.keep)
        with nullcontext() if wanted.keep else guarded(run):
            results = _carry_out(todo, engine, images, wanted, output)
        if wanted.keep:
            output.note(
                f"the lab is still there: docker ps --filter label=labctl.run={run}; "
                "labctl clean removes it"
            )
    from labctl.judge.results import disagreements, exit_code  # noqa: PLC0415 imports much

    return max(exit_code(results), DISAGREE if disagreements(results) else 0)


def _scenarios(wanted: Wanted) -> list[Scenario]:
    """The scenarios that were asked for, seen to have the attempts that were asked for."""
    scenarios = select(
        names=wanted.names, everything=wanted.everything, tags=wanted.tags, folders=wanted.folders
    )
    plan(scenarios, interpreters=(), attempts=wanted.attempts)
    return scenarios


def _images(
    docker_client: docker.APIClient, series: Sequence[str], output: Output
) -> dict[str, ImageInfo]:
    with output.progress("images") as progress:
        return ImageStore(docker_client).ensure(
            [LAB, *map(client_image, series)], progress=progress.image
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


def _interpreter(series: str, image: ImageInfo) -> Interpreter:
    return Interpreter(series=series, version=image.python, image=client_image(series))


def _carry_out(
    todo: Plan,
    engine: DockerEngine,
    images: dict[str, ImageInfo],
    wanted: Wanted,
    output: Output,
) -> list[AttemptResult]:
    """Run the plan; what was won is shown and written even if something interrupts it.

    Where a lab could not be taken down, what is left is removed here. EngineError if it can't be.
    """
    total = sum(len(lab.attempts) for lab in todo.labs)
    info = engine.info()
    with output.progress("attempts", total=total) as bar:

        @cache
        def reporter() -> Reporter:
            from labctl.cli.reporter import Reporter  # noqa: PLC0415 imports much

            bar.begin()
            return Reporter(todo, info, images, output, bar, wanted.pcaps)

        runner = Runner(
            engine,
            jobs=wanted.jobs,
            limit_s=wanted.limit_s,
            reporter=lambda: reporter().ended,
        )
        try:
            runner.run(todo)
        except BaseException:
            bar.stop()
            with patient():
                try:
                    engine.sweep()
                finally:
                    if not reporter().complete:
                        reporter().show(interrupted=True)
            raise
    from labctl.judge.results import untold  # noqa: PLC0415 imports much

    for trouble in untold(runner.troubles, runner.results):
        output.warn(trouble)
    if runner.troubles and not wanted.keep:
        engine.sweep()
    return runner.results
