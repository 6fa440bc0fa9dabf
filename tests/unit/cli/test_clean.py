"""`labctl clean` on a Runtime in memory: whose labs it removes, and what it tells."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NoReturn

import pytest

from labctl.cli.options import complete_run
from labctl.engine import access, cleanup
from labctl.engine.access import EngineAccess
from labctl.engine.doctor import _leftovers
from labctl.engine.images import ImageStore
from labctl.engine.process import own_process
from labctl.engine.runtime import ContainerSpec
from labctl.errors import EngineError
from labctl.model.check import Check
from tests.unit.cli.conftest import Labctl
from tests.unit.engine.fake_runtime import FakeContainer, FakeRuntime, client, network

LATER = str(int(time.time()) + 9999)


def no_images() -> ImageStore:
    raise AssertionError("clean needs no images")


def no_checks() -> Iterator[Check]:
    yield from ()


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> FakeRuntime:
    monkeypatch.delenv("LABCTL_OWNER", raising=False)
    monkeypatch.setattr(cleanup, "_SETTLE_S", 0.1)
    made = FakeRuntime()
    opened = EngineAccess(runtime=made, make_images=no_images, checks=no_checks)
    monkeypatch.setattr(access, "ENGINES", {"fake": lambda: opened})
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

    def refuse() -> NoReturn:
        raise EngineError("no engine")

    monkeypatch.setattr(access, "ENGINES", {"fake": refuse})
    assert complete_run("2") == []


def test_doctor_tells_what_to_do_about_a_network_without_containers(runtime: FakeRuntime) -> None:
    opened = access.open_engine()
    assert _leftovers(opened, "own").seen == "none"
    add(runtime, "1111aaaa", process=own_process())
    check = _leftovers(opened, "own")
    assert check.seen == "containers: 1, networks: 0, runs: 1"
    assert "restarted" not in check.hint
    container = runtime.containers.pop("1111aaaa")
    runtime.networks["n"] = network(container.spec.labels)
    assert "restarted" not in _leftovers(opened, "own").hint, "it may be at work"
    expired = {"labctl.expires": "1", "labctl.process": "another-machine/1/1"}
    runtime.networks["n"] = network({**container.spec.labels, **expired})
    check = _leftovers(opened, "own")
    assert check.seen == "containers: 0, networks: 1, runs: 1"
    assert "goes when the engine is restarted" in check.hint
