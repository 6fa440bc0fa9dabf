"""Tests of labs, on the engine that `--engine` says. One that can't run labs fails them: it never
skips them.

Tests with the mark `docker` or `local` are about that engine. Without `--all`, Docker gets only
those, and a few others, which have the mark `both`.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import docker
import pytest
from _pytest.mark import ParameterSet
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

from labctl.engine import labels
from labctl.engine.access import open_engine, open_named
from labctl.engine.docker.connect import connect
from labctl.engine.images.names import LAB, client_image, libraries_image
from labctl.engine.local.store import default_folder as images_folder
from labctl.engines import ENGINE_VARIABLE, EngineName
from labctl.pythons import SERIES
from labctl.report.documents import FORMATS
from tests.labs.footprints import DockerFootprint, Footprint, LocalFootprint

LIMIT_S = 3600
"""The whole catalogue on every Python takes ten minutes on two cores, and half an hour on slow ones
that run other labs, too.
"""
PYTHONS = os.environ.get("LAB_TEST_PYTHONS", "all")
"""Those that the whole catalogue is run on."""
CATALOGUE = ("test_scenarios.py", "test_explain.py", "test_reports.py", "test_engines_agree.py")
"""The files of tests that look at one run of the whole catalogue. One worker runs them all."""
SLOW = (*CATALOGUE, "test_hostile.py", "test_without_fault.py", "test_grading.py",
        "test_plugin.py", "test_cleanup.py")  # fmt: skip
"""The files of tests that take long, in the order in which they are begun."""
LAST = "test_busy_machine.py"
"""The file of tests that are run alone, when the others have ended: they keep the machine busy."""
SHARDS = 3
JOBS = ("--jobs", "2")
"""How many attempts are made at once where there are many: two files of tests share the processors,
and with more, a client needs ten seconds and more only to load its libraries.
"""


@dataclass(frozen=True)
class Done:
    """A labctl that has ended."""

    code: int
    out: str
    err: str

    @cached_property
    def document(self) -> dict[str, Any]:
        """The result document of a run with `--json -`."""
        parsed: dict[str, Any] = json.loads(self.out)
        return parsed


def labctl(
    *args: str | Path,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    module: str = "labctl",
) -> Done:
    """Run the command line as a person does, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, args)],
        capture_output=True,
        text=True,
        env={**os.environ, **(env or {})},
        cwd=cwd,
        timeout=LIMIT_S,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not for this engine. Begin with the slow files, and end with those that are
    run alone: workers take files in the order of their first tests.
    """
    left_out = [item for item in items if not is_for_engine(config, item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    order = {name: number for number, name in enumerate(SLOW)} | {LAST: len(SLOW) + 1}
    items.sort(key=lambda item: order.get(item.path.name, len(SLOW)))


def is_for_engine(config: pytest.Config, item: pytest.Item) -> bool:
    """Tell whether a test is to be run on the engine that the options say."""
    if not item.path.is_relative_to(Path(__file__).parent):
        return True
    marks = {mark.name for mark in item.iter_markers()}
    if config.getoption("--engine") == EngineName.LOCAL:
        return "docker" not in marks
    is_sample = bool(marks & {"docker", "both"})
    return "local" not in marks and (is_sample or bool(config.getoption("--all")))


def cases(names: Iterable[str], *, both: Collection[str]) -> list[ParameterSet]:
    """Parameters for a test of each of these names; those in `both` have that mark."""
    chosen = list(names)
    assert {*both} <= {*chosen}
    return [
        pytest.param(name, id=name, marks=[pytest.mark.both] if name in both else [])
        for name in chosen
    ]


class _ByFile(LoadFileScheduling):  # type: ignore[misc]
    """Gives each file to one worker, so that what its tests share is made once."""

    def _split_scope(self, nodeid: str) -> str:
        file = Path(nodeid.partition("::")[0]).name
        return "catalogue" if file in CATALOGUE else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _ByFile:
    return _ByFile(config, log)


@pytest.fixture(scope="session", autouse=True)
def owner() -> Iterator[str]:
    """The name that all labs of this process's tests are made under: neither tests in another
    process nor other people on this engine are disturbed by them, or disturb them.
    """
    name = f"tests-{secrets.token_hex(4)}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(labels.OWNER_VARIABLE, name)
        yield name


@pytest.fixture(scope="session", autouse=True)
def engine_name(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EngineName]:
    """The engine that all labs of these tests are on, also those of the labctls that they start.

    The local engine has its images in the user's own cache, which all workers share. So that is
    named before tests take the home directory away.
    """
    name = EngineName(pytestconfig.getoption("--engine"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ENGINE_VARIABLE, name)
        if name is EngineName.LOCAL:
            patch.setenv("XDG_CACHE_HOME", str(images_folder().parents[1]))
            if "XDG_RUNTIME_DIR" not in os.environ:
                runtime = shared_folder(tmp_path_factory) / "runtime"
                runtime.mkdir(mode=0o700, exist_ok=True)
                patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        yield name


@pytest.fixture(scope="session")
def is_sample(engine_name: EngineName, is_whole: bool) -> bool:
    """Whether only those tests are run that have the mark of this engine, or `both`."""
    return engine_name is EngineName.DOCKER and not is_whole


def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that all workers share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session", autouse=True)
def turn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The file descriptor of a lock that each worker shares with the others until it has ended."""
    with (shared_folder(tmp_path_factory) / "turn.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield lock.fileno()


@pytest.fixture(scope="session")
def engine() -> docker.APIClient:
    """Docker itself."""
    return connect()


@pytest.fixture(scope="session", autouse=True)
def images(engine_name: EngineName, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Every image, built before the first test so that no test's time is spent on it; where there
    are several workers, by one of them.
    """
    every = [LAB, *map(client_image, SERIES), *map(libraries_image, SERIES)]
    with (shared_folder(tmp_path_factory) / "images.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        open_named(engine_name).images().ensure(every, progress=lambda _: None)


@pytest.fixture(scope="session")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for what is written of everything: a file for each format, called after it."""
    return tmp_path_factory.mktemp("documents")


@pytest.fixture(scope="session")
def shards(
    tmp_path_factory: pytest.TempPathFactory, engine_name: EngineName, is_whole: bool
) -> list[Path]:
    """Result documents of every attempt, in shards, each of few enough attempts to be kept whole.

    On one Python; in the default run each attempt has one Python, all of them taking turns.
    """
    folder = tmp_path_factory.mktemp("shards")
    # On the local engine, starting a client takes the processors less.
    jobs = JOBS if engine_name is EngineName.DOCKER else ("--jobs", "3")
    files = [folder / f"{number}.json" for number in range(1, SHARDS + 1)]
    for number, file in enumerate(files, 1):
        part = ("--shard", f"{number}/{SHARDS}", *jobs, "--json", file)
        if is_whole:
            done = labctl("run", "--all", "--python", "3.13", *part)
        else:
            done = labctl("run", "--all", "--python", "all", *part, module="tests.labs.turns")
        assert done.code == 0, done.out + done.err
    return files


@pytest.fixture(scope="session")
def everything(request: pytest.FixtureRequest, documents: Path, is_whole: bool) -> Done:
    """Every attempt of every scenario; `out` is the result document. In the whole run on every
    Python asked for; in the default run on one Python each, merged from the shards.
    """
    files = [part for one in FORMATS for part in (f"--{one.name}", documents / one.name)]
    if is_whole:
        done = labctl("run", "--all", "--python", PYTHONS, *JOBS, *files)
    else:
        done = labctl("merge", *request.getfixturevalue("shards"), *files)
    return Done(done.code, (documents / "json").read_text("utf-8"), done.out + done.err)


@pytest.fixture(scope="session")
def footprint(request: pytest.FixtureRequest, engine_name: EngineName, owner: str) -> Footprint:
    """What labs of this process's tests have on the engine."""
    if engine_name is EngineName.LOCAL:
        return LocalFootprint(owner)
    return DockerFootprint(request.getfixturevalue("engine"), owner)


@pytest.fixture(scope="module", autouse=True)
def _nothing_left_behind(footprint: Footprint) -> Iterator[None]:
    """The tests of a module leave nothing on the engine. What an earlier module has left fails that
    one alone.
    """
    before = set(footprint.all())
    yield
    left = set(footprint.all()) - before
    if left:
        open_engine().sweep_all(running=True)
    assert not left
