"""`labctl clean` on a Runtime in memory: whose labs it removes, and what it tells."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NoReturn

import pytest

from labctl.cli.options import complete_run
from labctl.engine import access, cleanup
from labctl.engine.access import EngineAccess
from labctl.engine.images.store import ImageStore
from labctl.engine.process import own_process
from labctl.engine.runtime import ContainerSpec
from labctl.engines import EngineName, choose_engine
from labctl.errors import EngineError
from labctl.model.check import Check
from tests.unit.cli.conftest import Labctl
from tests.unit.engine.fake_runtime import FakeContainer, FakeRuntime, client

LATER = str(int(time.time()) + 9999)


def no_images() -> ImageStore:
    raise AssertionError("clean needs no images")


def no_checks() -> Iterator[Check]:
    yield from ()


def opening(name: str, runtime: FakeRuntime) -> Callable[[], EngineAccess]:
    """What opens an engine with this Runtime."""
    opened = EngineAccess(name=name, runtime=runtime, make_images=no_images, checks=no_checks)
    return lambda: opened


def refuse() -> NoReturn:
    raise EngineError("no engine")


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> FakeRuntime:
    monkeypatch.delenv("LABCTL_OWNER", raising=False)
    monkeypatch.setattr(cleanup, "_SETTLE_S", 0.1)
    made = FakeRuntime()
    monkeypatch.setattr(access, "ENGINES", {"docker": opening("docker", made)})
    return made


@pytest.fixture
def second(runtime: FakeRuntime, monkeypatch: pytest.MonkeyPatch) -> FakeRuntime:
    """Another engine, beside the first."""
    made = FakeRuntime()
    engines = {"docker": opening("docker", runtime), "local": opening("local", made)}
    monkeypatch.setattr(access, "ENGINES", engines)
    return made


def add(runtime: FakeRuntime, run: str, **labels: str) -> None:
    """Put a container of a run on the engine."""
    given = {"run": run, "expires": LATER, **labels}
    spec = ContainerSpec(
        name=run, image="x", labels={f"labctl.{key}": value for key, value in given.items()}
    )
    runtime.containers[run] = FakeContainer(spec, client)


def test_one_kept_lab_is_removed_and_no_other(labctl: Labctl, runtime: FakeRuntime) -> None:
    add(runtime, "1111aaaa", keep="1")
    add(runtime, "2222bbbb", keep="1")
    done = labctl("clean", "1111aaaa")
    assert (done.code, done.err) == (0, "")
    assert done.out == "removed 1 containers, 0 networks, 0 volumes\n"
    assert list(runtime.containers) == ["2222bbbb"]


def test_a_run_that_nobody_knows(labctl: Labctl, runtime: FakeRuntime) -> None:
    assert "nothing of any run is left" in labctl("clean", "1111aaaa").err
    add(runtime, "1111aaaa", keep="1")
    done = labctl("clean", "1111aaab")
    assert done.code == 2
    assert 'did you mean "1111aaaa"?' in done.err
    assert runtime.containers


def test_a_run_that_may_be_at_work_is_ended_only_with_all(
    labctl: Labctl, runtime: FakeRuntime
) -> None:
    add(runtime, "1111aaaa", process=own_process())
    done = labctl("clean", "1111aaaa")
    assert done.code == 2
    assert "run 1111aaaa may still be working" in done.err
    left = labctl("clean")
    assert (left.code, left.out) == (0, "removed 0 containers, 0 networks, 0 volumes\n")
    assert "left alone: 1 containers of runs in progress (1111aaaa)" in left.err
    assert labctl("clean", "--all", "1111aaaa").code == 0
    assert runtime.is_empty


def test_what_the_engine_does_not_let_go_of_is_told(labctl: Labctl, runtime: FakeRuntime) -> None:
    add(runtime, "1111aaaa", keep="1")
    runtime.busy = ["1111aaaa"] * 1000
    done = labctl("clean")
    assert (done.code, done.out) == (0, "removed 0 containers, 0 networks, 0 volumes\n")
    assert "the engine does not let go of container 1111aaaa" in done.err
    assert "restart the engine" in done.err


def test_runs_are_completed(runtime: FakeRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    add(runtime, "1111aaaa")
    add(runtime, "2222bbbb")
    assert complete_run("2") == ["2222bbbb"]
    monkeypatch.setattr(access, "ENGINES", {"docker": refuse})
    assert complete_run("2") == []
    monkeypatch.setenv("LABCTL_ENGINE", "none")
    assert complete_run("2") == []


def test_runs_of_all_engines_are_completed_or_of_the_one_that_is_chosen(
    runtime: FakeRuntime, second: FakeRuntime
) -> None:
    add(runtime, "1111aaaa")
    add(second, "1111aaaa")
    add(second, "1111bbbb")
    assert complete_run("11") == ["1111aaaa", "1111bbbb"]
    choose_engine(EngineName.DOCKER)
    assert complete_run("11") == ["1111aaaa"]


def test_clean_looks_at_every_engine_and_tells_the_sum(
    labctl: Labctl, runtime: FakeRuntime, second: FakeRuntime
) -> None:
    add(runtime, "1111aaaa", keep="1")
    add(second, "2222bbbb", keep="1")
    add(second, "3333cccc", keep="1")
    done = labctl("clean", "3333cccc")
    assert (done.out, done.err) == ("removed 1 containers, 0 networks, 0 volumes\n", "")
    assert (list(runtime.containers), list(second.containers)) == (["1111aaaa"], ["2222bbbb"])
    done = labctl("clean")
    assert (done.out, done.err) == ("removed 2 containers, 0 networks, 0 volumes\n", "")
    assert runtime.is_empty
    assert second.is_empty


def test_clean_of_one_engine_leaves_the_other_alone(
    labctl: Labctl, runtime: FakeRuntime, second: FakeRuntime
) -> None:
    add(runtime, "1111aaaa", keep="1")
    add(second, "2222bbbb", keep="1")
    done = labctl("clean", "--engine", "local")
    assert (done.out, done.err) == ("removed 1 containers, 0 networks, 0 volumes\n", "")
    assert (list(runtime.containers), second.is_empty) == (["1111aaaa"], True)


def test_what_several_engines_do_not_let_go_of_is_told_by_their_names(
    labctl: Labctl, runtime: FakeRuntime, second: FakeRuntime
) -> None:
    add(runtime, "1111aaaa", process=own_process())
    add(second, "2222bbbb", keep="1")
    second.busy = ["2222bbbb"] * 1000
    done = labctl("clean")
    assert done.out == "removed 0 containers, 0 networks, 0 volumes\n"
    first, *_, last = done.err.splitlines()
    assert first.startswith("left alone on the docker engine: 1 containers of runs in progress")
    held = "labctl: on the local engine: the engine does not let go of container 2222bbbb"
    assert held in done.err
    assert last.startswith("  hint: ")


def test_a_run_that_is_nowhere_or_at_work_on_one_of_several_engines(
    labctl: Labctl, runtime: FakeRuntime, second: FakeRuntime
) -> None:
    add(runtime, "1111aaaa", keep="1")
    add(second, "1111aaaa", process=own_process())
    assert "no run 2222bbbb has anything on these engines" in labctl("clean", "2222bbbb").err
    assert "run 1111aaaa may still be working" in labctl("clean", "1111aaaa").err
    assert runtime.containers
    assert labctl("clean", "--all", "1111aaaa").code == 0
    assert runtime.is_empty
    assert second.is_empty


def test_without_the_first_engine_clean_says_nothing_of_it(
    labctl: Labctl, second: FakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DOCKER_HOST")
    monkeypatch.setattr(access, "ENGINES", {"docker": refuse, "local": opening("local", second)})
    add(second, "2222bbbb", keep="1")
    done = labctl("clean")
    assert (done.code, done.err) == (0, "")
    assert done.out == "removed 1 containers, 0 networks, 0 volumes\n"
