"""Tests on a real engine. One that doesn't answer fails them: it never skips them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import docker
import pytest

from labctl.engine.access import open_engine
from labctl.engine.cleanup import leftovers
from labctl.engine.docker.connect import connect
from labctl.engine.docker.runtime import DockerRuntime
from labctl.engine.images import LAB, client_image, libraries_image
from labctl.pythons import SERIES
from labctl.report.documents import FORMATS

LIMIT_S = 2400
"""The whole catalogue on every Python takes ten minutes on two cores, and twenty on slow ones."""
PYTHONS = os.environ.get("LAB_TEST_PYTHONS", "all")
"""Those that the whole catalogue is run on."""


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


def labctl(*args: str | Path, env: dict[str, str] | None = None, cwd: Path | None = None) -> Done:
    """Run the command line as a person does, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "labctl", *map(str, args)],
        capture_output=True,
        text=True,
        env={**os.environ, **(env or {})},
        cwd=cwd,
        timeout=LIMIT_S,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def engine() -> docker.APIClient:
    return connect()


@pytest.fixture(scope="session", autouse=True)
def images() -> None:
    """Every image, built before the first test so that no test's time is spent on it."""
    every = [LAB, *map(client_image, SERIES), *map(libraries_image, SERIES)]
    open_engine().images().ensure(every, progress=lambda _: None)


@pytest.fixture(scope="session")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for what is written of everything: a file for each format, called after it."""
    return tmp_path_factory.mktemp("documents")


@pytest.fixture(scope="session")
def everything(documents: Path) -> Done:
    """Every attempt of every scenario, on every Python asked for; `out` is the result document."""
    files = [part for one in FORMATS for part in (f"--{one.name}", documents / one.name)]
    done = labctl("run", "--all", "--python", PYTHONS, *files)
    return Done(done.code, (documents / "json").read_text("utf-8"), done.out + done.err)


@pytest.fixture(autouse=True)
def _nothing_left_behind(engine: docker.APIClient) -> Iterator[None]:
    before = things(engine)
    yield
    after = things(engine)
    assert {kind: [one for one in after[kind] if one not in before[kind]] for kind in after} == {
        "containers": [],
        "networks": [],
        "volumes": [],
    }


def things(engine: docker.APIClient) -> dict[str, Any]:
    """Everything on the engine that carries a run's label."""
    chosen = {"label": "labctl.run"}
    return {
        "containers": leftovers(DockerRuntime(engine)),
        "networks": [n["Name"] for n in engine.networks(filters=chosen)],
        "volumes": [v["Name"] for v in engine.volumes(filters=chosen)["Volumes"] or ()],
    }
