"""Tests on a real engine. One that doesn't answer fails them: it never skips them."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import docker
import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

from labctl.engine import labels
from labctl.engine.access import open_engine
from labctl.engine.docker.connect import connect
from labctl.engine.images import LAB, client_image, libraries_image
from labctl.pythons import SERIES
from labctl.report.documents import FORMATS

LIMIT_S = 3600
"""The whole catalogue on every Python takes ten minutes on two cores, and half an hour on slow ones
that run other labs, too.
"""
PYTHONS = os.environ.get("LAB_TEST_PYTHONS", "all")
"""Those that the whole catalogue is run on."""
CATALOGUE = ("test_scenarios.py", "test_explain.py", "test_reports.py")
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slow files, and end with those that are run alone: workers take files in the
    order of their first tests.
    """
    order = {name: number for number, name in enumerate(SLOW)} | {LAST: len(SLOW) + 1}
    items.sort(key=lambda item: order.get(item.path.name, len(SLOW)))


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
def turn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The file descriptor of a lock that each worker shares with the others until it has ended."""
    with (tmp_path_factory.getbasetemp().parent / "turn.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield lock.fileno()


@pytest.fixture(scope="session")
def engine() -> docker.APIClient:
    return connect()


@pytest.fixture(scope="session", autouse=True)
def images(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Every image, built before the first test so that no test's time is spent on it; where there
    are several workers, by one of them.
    """
    every = [LAB, *map(client_image, SERIES), *map(libraries_image, SERIES)]
    workers_share = tmp_path_factory.getbasetemp().parent
    with (workers_share / "images.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        open_engine().images().ensure(every, progress=lambda _: None)


@pytest.fixture(scope="session")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for what is written of everything: a file for each format, called after it."""
    return tmp_path_factory.mktemp("documents")


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory, is_whole: bool) -> list[Path]:
    """Result documents of every attempt, in shards, each of few enough attempts to be kept whole.

    On one Python; in the default run each attempt has one Python, all of them taking turns.
    """
    folder = tmp_path_factory.mktemp("shards")
    files = [folder / f"{number}.json" for number in range(1, SHARDS + 1)]
    for number, file in enumerate(files, 1):
        part = ("--shard", f"{number}/{SHARDS}", *JOBS, "--json", file)
        if is_whole:
            done = labctl("run", "--all", "--python", "3.13", *part)
        else:
            done = labctl("run", "--all", "--python", "all", *part, module="tests.docker.turns")
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


@dataclass(frozen=True)
class Footprint:
    """What the labs of one owner have on the engine."""

    engine: docker.APIClient
    owner: str
    held: set[str] = field(default_factory=set)
    """The networks that the engine is known not to let go of, by its own fault."""

    @property
    def _chosen(self) -> dict[str, str]:
        return {"label": f"{labels.OWNER}={self.owner}"}

    def containers(self) -> list[str]:
        """Their names, whether they run or not."""
        found = self.engine.containers(all=True, filters=self._chosen)
        return [name.strip("/") for container in found for name in container["Names"]]

    def networks(self) -> list[str]:
        """Their names."""
        names = [network["Name"] for network in self.engine.networks(filters=self._chosen)]
        return [name for name in names if name not in self.held]

    def volumes(self) -> list[str]:
        """Their names."""
        found = self.engine.volumes(filters=self._chosen)["Volumes"] or ()
        return [volume["Name"] for volume in found]

    def all(self) -> list[str]:
        """All these names; empty where the engine is clean."""
        return [*self.containers(), *self.networks(), *self.volumes()]

    def only_held(self) -> bool:
        """Tell whether what is left are networks that the engine does not let go of: labctl's own
        try to remove them changes nothing. They are no one's fault from then on.
        """
        left = set(self.all())
        self.note_held()
        return left <= self.held

    def note_held(self) -> None:
        """Remove what is left, and note the networks that the engine does not let go of."""
        if open_engine().sweep_all(running=True).held:
            self.held.update(self.networks())


@pytest.fixture(scope="session")
def footprint(engine: docker.APIClient, owner: str) -> Footprint:
    """What labs of this process's tests have on the engine."""
    return Footprint(engine, owner)


@pytest.fixture(scope="module", autouse=True)
def _nothing_left_behind(footprint: Footprint) -> Iterator[None]:
    """The tests of a module leave nothing on the engine. What an earlier module has left fails that
    one alone. What the engine does not let go of is its own fault.
    """
    before = set(footprint.all())
    yield
    left = set(footprint.all()) - before
    if left:
        footprint.note_held()
    assert left <= footprint.held
