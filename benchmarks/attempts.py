"""Many attempts in one lab, beside the least that the engine takes for as many containers."""

from __future__ import annotations

import queue
import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from itertools import cycle, islice
from unittest.mock import patch

from docker.types import HostConfig

from benchmarks.bench import ATTEMPT, LABCTL, SCENARIO, Bench, container_engine
from benchmarks.measure import BenchmarkError, Contestant, Rows, Say, alternate
from benchmarks.process import timed
from labctl.engine import containers
from labctl.engine.access import open_named
from labctl.engine.docker.connect import connect
from labctl.engine.docker.containers import container_settings
from labctl.engine.local.store import LocalStore
from labctl.engine.protocol import Engine, Lab, Tap
from labctl.engine.runtime import ResourceKind, Runtime
from labctl.engine.tap import RunningTap
from labctl.engines import EngineName
from labctl.errors import EngineError
from labctl.model.evidence import Capture
from labctl.model.plan import Interpreter, Plan, PlannedLab
from labctl.model.result import EngineInfo, Verdict
from labctl.run.plan import plan
from labctl.run.runner import Runner

NUMBERS = (4, 16, 64)
AT_ONCE = 4

NO_OP = "floor, no-op"
PYTHON = "floor, python -c pass"
IMPORT = 'floor, python -c "import smtplib"'
IN_LAB = "labctl, in a running lab"
BLIND = "labctl, in a running lab, no capture"
LOCAL_IN_LAB = "labctl, local, in a running lab"
CHROOT = 'floor, chroot, -c "import smtplib"'
PROCESS = "labctl run --repeat, whole"

_INTERPRETER = "/labctl/python"
_LIMIT_S = 30.0
_LOOK_S = 0.001
_LEFT = "labctl left clients behind"
_AS_CLIENT = ["-ISc", "import smtplib"]
"""What of the client's own work needs no lab."""


def row(contestant: str, number: int) -> str:
    """The name of a row."""
    return f"{contestant}: {number}"


def measure(bench: Bench, rounds: int, say: Say) -> Rows:
    """Seconds per attempt."""
    with (
        bases(bench) as taken,
        _running_lab(bench, EngineName.DOCKER) as warm,
        _running_lab(bench, EngineName.LOCAL) as local,
    ):
        contestants: dict[str, Contestant] = {}
        for number in NUMBERS:
            contestants |= {
                row(NO_OP, number): floor(bench, taken, NO_OP, number, ["-V"]),
                row(PYTHON, number): floor(bench, taken, PYTHON, number, ["-ISc", "pass"]),
                row(IMPORT, number): floor(bench, taken, IMPORT, number, _AS_CLIENT),
                row(IN_LAB, number): _in_lab(bench, warm, IN_LAB, number),
                row(BLIND, number): _in_lab(bench, warm, BLIND, number, blind=True),
                row(PROCESS, number): _process(number),
                row(CHROOT, number): _chroot(bench, number),
                row(LOCAL_IN_LAB, number): _in_lab(bench, local, LOCAL_IN_LAB, number),
            }
        return alternate(contestants, rounds, say)


@contextmanager
def bases(bench: Bench) -> Iterator[list[str]]:
    """Running containers whose network namespaces others join, one for each worker."""
    made = []
    try:
        for _ in range(AT_ONCE):
            container = bench.client.create_container(
                image=bench.lab_image,
                command=["script"],
                labels=bench.labels,
                host_config=HostConfig(version=bench.client.api_version, network_mode="none"),
            )["Id"]
            made.append(container)
            bench.client.start(container)
        yield made
    finally:
        for container in made:
            bench.client.remove_container(container, v=True, force=True)


def floor(
    bench: Bench, taken: Sequence[str], name: str, number: int, arguments: list[str]
) -> Contestant:
    """Create, start, wait for and remove containers made like clients, AT_ONCE at a time.

    With `-V`, the interpreter's program ends before there is an interpreter: as near to a no-op
    as every image has.
    """
    extra = {"entrypoint": [_INTERPRETER], "command": arguments, "stdin_open": False}

    def one(base: str) -> None:
        spec = containers.client_container(
            bench.interpreter.image,
            name=f"labctl-{bench.run}-{secrets.token_hex(4)}",
            tap=base,
            labels=bench.labels,
        )
        config = container_settings(spec, bench.client.api_version)
        container = bench.client.create_container(**config | extra)["Id"]
        try:
            bench.client.start(container)
            status = bench.client.wait(container)["StatusCode"]
        finally:
            bench.client.remove_container(container, v=True, force=True)
        if status:
            raise BenchmarkError(f"a bare container ended with {status}")

    def run() -> Mapping[str, float]:
        began = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(one, islice(cycle(taken), number)))
        return {row(name, number): (time.monotonic() - began) / number}

    return run


_Removed = Callable[[int], None]
"""Waits until so many clients have been removed."""


class _WarmLab:
    """A lab that runs already, and its taps too: what is left is what an attempt takes."""

    def __init__(
        self, engine: Engine, lab: Lab, taps: Sequence[Tap], *,
        interpreter: Interpreter, watch: Callable[[], AbstractContextManager[_Removed]],
    ) -> None:  # fmt: skip
        self._engine = engine
        self._lab = lab
        self._taps: queue.SimpleQueue[Tap] = queue.SimpleQueue()
        for tap in taps:
            self._taps.put(tap)
        self.interpreter = interpreter
        self.watch = watch
        """Begins to watch the removal of clients."""

    def check_alive(self, services: Iterable[str]) -> None:
        self._lab.check_alive(services)

    @contextmanager
    def tap(self) -> Iterator[Tap]:
        tap = self._taps.get()
        try:
            yield tap
        finally:
            self._taps.put(tap)

    # As an engine, it has but this one lab.

    @contextmanager
    def lab(self, lab: PlannedLab) -> Iterator[Lab]:  # noqa: ARG002 the runner's own interface
        yield self

    def info(self) -> EngineInfo:
        return self._engine.info()

    def answers(self) -> bool:
        return self._engine.answers()

    def sweep_lost(self) -> None:
        self._engine.sweep_lost()

    def trouble(self) -> EngineError | None:
        return self._engine.trouble()

    def stop(self) -> None:
        self._engine.stop()

    def sweep(self) -> None:
        self._engine.sweep()


@contextmanager
def _running_lab(bench: Bench, name: EngineName) -> Iterator[_WarmLab]:
    access = open_named(name)
    engine = container_engine(access, bench.run)
    if name is EngineName.LOCAL:
        interpreter, watch = bench.local, partial(_looked_at, bench, access.runtime)
    else:
        interpreter, watch = bench.interpreter, partial(_told_of, bench)
    with engine.lab(_plan(bench, interpreter, 1).labs[0]) as running, ExitStack() as stack:
        running.wait_until_ready()
        taps = [stack.enter_context(running.tap()) for _ in range(AT_ONCE)]
        yield _WarmLab(engine, running, taps, interpreter=interpreter, watch=watch)


def _plan(bench: Bench, interpreter: Interpreter, number: int) -> Plan:
    return plan(
        [bench.scenario],
        interpreters=[interpreter],
        attempts=[ATTEMPT],
        repeat=number,
    )


def _in_lab(
    bench: Bench, warm: _WarmLab, name: str, number: int, *, blind: bool = False
) -> Contestant:
    """The runner's own way, until every attempt is judged and every client removed. If `blind`,
    nobody asks the tap what it saw: an attempt is then judged as one without a packet.
    """
    todo = _plan(bench, warm.interpreter, number)
    verdict = Verdict.FAIL if blind else Verdict.PASS

    def run() -> Mapping[str, float]:
        runner = Runner(warm, jobs=AT_ONCE, limit_s=_LIMIT_S)
        with warm.watch() as wait_for_removal, _capture_unread() if blind else nullcontext():
            began = time.monotonic()
            for _ in runner.run(todo):
                pass
            wait_for_removal(number)
            took = time.monotonic() - began
        if [one.verdict for one in runner.results] != [verdict] * number:
            raise BenchmarkError(f"not every attempt was a {verdict}: {runner.results}")
        return {row(name, number): took / number}

    return run


def _chroot(bench: Bench, number: int) -> Contestant:
    """The client's own work in the same file tree, without any isolation, AT_ONCE at a time."""
    image = LocalStore().find(bench.local.image)
    if image is None:
        raise BenchmarkError(f"there is no image {bench.local.image}")
    command = ["chroot", str(LocalStore().root(image)), _INTERPRETER, *_AS_CLIENT]

    def run() -> Mapping[str, float]:
        began = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda _: subprocess.run(command, check=True), range(number)))
        return {row(CHROOT, number): (time.monotonic() - began) / number}

    return run


_NOTHING = Capture(packets=(), lost=0, names={}, resolvers=())


def _capture_unread() -> AbstractContextManager[object]:
    return patch.object(RunningTap, "_drain", lambda _: _NOTHING)


@contextmanager
def _told_of(bench: Bench) -> Iterator[_Removed]:
    """Clients that Docker tells to have been removed."""
    removed = threading.Semaphore(0)
    labels = [f"labctl.run={bench.run}", f"labctl.scenario={SCENARIO}"]
    events = connect().events(filters={"event": "destroy", "label": labels})

    def count() -> None:
        for _ in events:
            removed.release()

    def wait(number: int) -> None:
        for _ in range(number):
            if not removed.acquire(timeout=_LIMIT_S):
                raise BenchmarkError(_LEFT)

    reader = threading.Thread(target=count, daemon=True)
    reader.start()
    try:
        yield wait
    finally:
        events.close()
        reader.join()


@contextmanager
def _looked_at(bench: Bench, runtime: Runtime) -> Iterator[_Removed]:
    """Clients of an engine in this process, which is looked at again and again."""

    def containers() -> int:
        return len(runtime.resources(ResourceKind.CONTAINER, [f"labctl.run={bench.run}"]))

    before = containers()

    def wait(number: int) -> None:
        deadline = time.monotonic() + _LIMIT_S * number
        while containers() > before:
            if time.monotonic() > deadline:
                raise BenchmarkError(_LEFT)
            time.sleep(_LOOK_S)

    yield wait


def _process(number: int) -> Contestant:
    command = [*LABCTL, "run", SCENARIO, "--attempt", ATTEMPT]
    command += ["--jobs", str(AT_ONCE), "--repeat", str(number)]

    def run() -> Mapping[str, float]:
        return {row(PROCESS, number): timed(command).ended / number}

    return run
