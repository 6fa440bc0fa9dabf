"""Which engine is opened: the one that was chosen or named, or else the first that answers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from labctl.engine import access
from labctl.engine.access import EngineAccess, open_engine, open_engines, open_named
from labctl.engine.docker import places
from labctl.engine.images.store import ImageStore
from labctl.engines import EngineName, choose_engine
from labctl.errors import EngineError, UsageError
from labctl.model.check import Check
from tests.unit.engine.fake_runtime import FakeRuntime

SAID = (
    "labctl: Docker does not answer (no Docker engine answers at /run/x): "
    "labs run on the local engine\n"
)


def no_images() -> ImageStore:
    raise AssertionError("nobody asked for images")


def no_checks() -> Iterator[Check]:
    yield from ()


@dataclass
class Engines:
    """Two engines; `refusals` and `lacks` are what keeps one from being opened, and from running
    labs.
    """

    refusals: dict[str, EngineError] = field(default_factory=dict)
    lacks: dict[str, EngineError] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)

    def opening(self, name: str) -> Callable[[], EngineAccess]:
        def open_one() -> EngineAccess:
            self.opened.append(name)
            if name in self.refusals:
                raise self.refusals[name]
            return EngineAccess(
                name=name,
                runtime=FakeRuntime(),
                make_images=no_images,
                checks=no_checks,
                try_out=lambda: self.try_out(name),
            )

        return open_one

    def try_out(self, name: str) -> None:
        self.tried.append(name)
        if name in self.lacks:
            raise self.lacks[name]


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> Engines:
    made = Engines()
    opening = {name: made.opening(name) for name in ("docker", "local")}
    monkeypatch.setattr(access, "ENGINES", opening)
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    monkeypatch.delenv("CONTAINER_HOST", raising=False)
    return made


@pytest.fixture
def no_docker(engines: Engines) -> EngineError:
    refusal = EngineError("no Docker engine answers at /run/x", hint="start it")
    engines.refusals["docker"] = refusal
    return refusal


def test_docker_is_used_where_it_answers(
    engines: Engines, capsys: pytest.CaptureFixture[str]
) -> None:
    assert open_engine().name == "docker"
    assert (engines.opened, engines.tried) == (["docker"], [])
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("no_docker")
def test_without_docker_the_next_one_is_tried_out_and_said_once(
    engines: Engines, capsys: pytest.CaptureFixture[str]
) -> None:
    assert open_engine().name == "local"
    assert engines.tried == ["local"]
    assert capsys.readouterr() == ("", SAID)
    assert open_engine().name == "local"
    assert capsys.readouterr() == ("", "")


def test_what_is_said_has_one_line(engines: Engines, capsys: pytest.CaptureFixture[str]) -> None:
    engines.refusals["docker"] = EngineError("ssh said:\n  \x1b[31mno")
    open_engine()
    assert capsys.readouterr().err == (
        "labctl: Docker does not answer (ssh said: \\x1b[31mno): labs run on the local engine\n"
    )


@pytest.mark.usefixtures("no_docker")
@pytest.mark.parametrize("lacking", ["refusals", "lacks"])
def test_where_no_engine_can_run_labs_the_first_refusal_counts(
    engines: Engines, capsys: pytest.CaptureFixture[str], lacking: str
) -> None:
    getattr(engines, lacking)["local"] = EngineError("the kernel has\nno user namespaces")
    for _ in range(2):
        with pytest.raises(EngineError) as caught:
            open_engine()
        assert str(caught.value) == "no Docker engine answers at /run/x"
        assert caught.value.hint == (
            "start it; the local engine can't run labs here either: "
            "the kernel has no user namespaces"
        )
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("variable", ["DOCKER_HOST", "DOCKER_CONTEXT", "CONTAINER_HOST"])
def test_a_user_who_named_an_engine_gets_no_other(
    engines: Engines, no_docker: EngineError, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "mine")
    for opening in (open_engine, open_engines):
        with pytest.raises(EngineError) as caught:
            opening()
        assert caught.value is no_docker
    assert engines.opened == ["docker", "docker"]


@pytest.mark.usefixtures("no_docker")
def test_an_empty_variable_names_no_engine(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "")
    assert open_engine().name == "local"
    assert [one.name for one in open_engines()] == ["local"]
    assert engines.opened == ["docker", "local"] * 2


def test_a_choice_opens_no_other(
    engines: Engines, no_docker: EngineError, capsys: pytest.CaptureFixture[str]
) -> None:
    choose_engine(EngineName.LOCAL)
    assert open_engine().name == "local"
    assert [one.name for one in open_engines()] == ["local"]
    assert engines.opened == ["local", "local"]
    choose_engine(EngineName.DOCKER)
    for opening in (open_engine, open_engines):
        with pytest.raises(EngineError) as caught:
            opening()
        assert caught.value is no_docker
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("engines")
def test_a_wrong_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCTL_ENGINE", "podman")
    for opening in (open_engine, open_engines):
        with pytest.raises(UsageError, match="LABCTL_ENGINE: there is no engine 'podman'"):
            opening()


def test_an_engine_that_this_labctl_lacks(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "ENGINES", {"docker": engines.opening("docker")})
    choose_engine(EngineName.LOCAL)
    with pytest.raises(UsageError) as caught:
        open_engine()
    assert (str(caught.value), caught.value.hint) == (
        "this labctl has no engine 'local'",
        "it has docker",
    )


def test_all_that_answer(engines: Engines, capsys: pytest.CaptureFixture[str]) -> None:
    assert [one.name for one in open_engines()] == ["docker", "local"]
    engines.refusals["docker"] = EngineError("no docker")
    assert [one.name for one in open_engines()] == ["local"]
    engines.refusals["local"] = EngineError("no namespaces")
    with pytest.raises(EngineError, match="no docker"):
        open_engines()
    assert engines.tried == []
    assert capsys.readouterr() == ("", "")


def test_a_named_engine_does_not_hide_others(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "mine")
    assert [one.name for one in open_engines()] == ["docker", "local"]
    engines.refusals["local"] = EngineError("no namespaces")
    assert [one.name for one in open_engines()] == ["docker"]


def test_a_name_opens_that_engine(engines: Engines) -> None:
    assert open_named("local").name == "local"
    assert engines.opened == ["local"]


def test_the_sdk_of_docker_is_imported_only_where_docker_is_opened() -> None:
    code = (
        "import importlib, pkgutil, sys, labctl.run, labctl.grading, labctl.plugin, labctl.record\n"
        "import labctl.cli\n"
        "for package in (labctl.run, labctl.grading, labctl.plugin, labctl.record, labctl.cli):\n"
        "    for one in pkgutil.walk_packages(package.__path__, f'{package.__name__}.'):\n"
        "        importlib.import_module(one.name)\n"
        "print('labctl.engine.access' in sys.modules, 'docker' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "True False\n"


def test_where_there_can_be_no_docker_its_sdk_is_not_imported(tmp_path: Path) -> None:
    source = (
        "import sys\n"
        "from pathlib import Path\n"
        "from labctl.engine.access import open_named\n"
        "from labctl.engine.docker import places\n"
        "from labctl.errors import EngineError\n"
        "places.DOCKER_SOCKET = Path('nowhere.sock')\n"
        "places.podman_sockets = lambda: []\n"
        "try:\n"
        "    open_named('docker')\n"
        "except EngineError as error:\n"
        "    print(error.message, 'docker' in sys.modules)"
    )
    kept = {name: value for name, value in os.environ.items() if name not in places.NAMING}
    done = subprocess.run(
        [sys.executable, "-c", source],
        env={**kept, "DOCKER_CONFIG": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "no Docker engine answers at unix://nowhere.sock False\n", done.stderr
