"""What is removed, and how often it is tried, on a Runtime in memory."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from labctl.engine import cleanup
from labctl.engine.cleanup import (
    Held,
    Leftovers,
    Removed,
    held_error,
    leftovers,
    remove,
    sweep,
    sweep_all,
)
from labctl.engine.process import own_process
from labctl.engine.run_resources import RunResources
from labctl.engine.runtime import Busy, ContainerSpec, Refusal, ResourceKind
from labctl.errors import EngineError
from tests.unit.engine.fake_runtime import FakeContainer, FakeRuntime, client, network

CONTAINER, NETWORK, VOLUME = ResourceKind
LATER = str(int(time.time()) + 9999)
IN_VAIN_S = 0.1
"""How long a test gives what must not come about."""


@pytest.fixture(autouse=True)
def _no_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests on a real engine name one."""
    monkeypatch.delenv("LABCTL_OWNER", raising=False)


def add(runtime: FakeRuntime, name: str, **labels: str) -> None:
    """Put a container on the engine; one of the run `beef` without labels."""
    given = {f"labctl.{key}": value for key, value in (labels or {"run": "beef"}).items()}
    spec = ContainerSpec(name=name, image="x", labels=given)
    runtime.containers[name] = FakeContainer(spec, client)


@pytest.mark.parametrize("busy", [0, 1, 3])
def test_a_thing_is_removed_when_the_engine_has_let_go_of_it(busy: int) -> None:
    runtime = FakeRuntime()
    add(runtime, "x")
    runtime.busy = ["x"] * busy
    remove(runtime, CONTAINER, "x")
    assert runtime.is_empty


def test_a_thing_that_has_gone_is_fine() -> None:
    remove(FakeRuntime(), NETWORK, "x")


def test_what_stays_busy_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleanup, "_SETTLE_S", 0.1)
    runtime = FakeRuntime()
    runtime.busy = ["x"] * 1000
    with pytest.raises(Busy):
        remove(runtime, CONTAINER, "x")
    assert 1 < 1000 - len(runtime.busy) < 10, "the engine is asked without a pause"


def test_a_run_is_swept_by_its_label_containers_before_networks() -> None:
    runtime = FakeRuntime()
    add(runtime, "c")
    add(runtime, "other", run="another")
    runtime.volumes["v"] = {"labctl.run": "beef"}
    assert sweep(runtime, "beef") == Removed(containers=1, volumes=1)
    assert runtime.removed == ["container c", "volume v"]
    assert list(runtime.containers) == ["other"]
    assert sweep(FakeRuntime(), "beef") == Removed()


def test_a_sweep_that_is_refused_says_what_was_being_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise Refusal("disk full")

    runtime = FakeRuntime()
    add(runtime, "c")
    monkeypatch.setattr(runtime, "remove", refuse)
    with pytest.raises(EngineError) as caught:
        sweep(runtime, "beef")
    assert str(caught.value) == "removing what is left of a run: disk full"


def test_what_a_run_makes_meanwhile_is_removed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = FakeRuntime()
    add(runtime, "c1")
    real, more = runtime.remove, ["c2", "c3"]

    def remove_one(kind: ResourceKind, id_: str) -> None:
        real(kind, id_)
        if more:
            add(runtime, more.pop(0))

    monkeypatch.setattr(runtime, "remove", remove_one)
    assert sweep(runtime, "beef") == Removed(containers=3)
    assert runtime.removed == ["container c1", "container c2", "container c3"]


def test_a_run_that_goes_on_making_things_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleanup, "_SETTLE_S", 0.1)
    runtime, numbers = FakeRuntime(), count()
    add(runtime, "c")
    real = runtime.remove

    def remove_one(kind: ResourceKind, id_: str) -> None:
        real(kind, id_)
        add(runtime, f"c{next(numbers)}")

    monkeypatch.setattr(runtime, "remove", remove_one)
    with pytest.raises(EngineError) as caught:
        sweep(runtime, "beef")
    assert str(caught.value) == (
        "removing what is left of a run: after 0.1 s there are still 1 containers"
    )
    assert "end the labctl that goes on making them" in caught.value.hint


def test_a_thing_that_something_else_uses_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleanup, "_SETTLE_S", 0.1)
    runtime = FakeRuntime()
    runtime.volumes["v"] = {"labctl.run": "beef"}
    runtime.busy = ["v"] * 1000
    add(runtime, "c")
    removed = sweep(runtime, "beef")
    held = (Held(kind=VOLUME, id="v", reason="removal is already in progress"),)
    assert removed == Removed(containers=1, held=held)
    assert str(held_error(held)) == (
        "the engine does not let go of volume v; it says: removal is already in progress"
    )
    assert "restart the engine" in held_error(held).hint
    assert 1000 - len(runtime.busy) < 10, "the engine is asked without a pause"


def test_leftovers_are_counted_by_run() -> None:
    runtime = FakeRuntime()
    for name, run in (("a", "one"), ("b", "one"), ("c", "two")):
        add(runtime, name, run=run)
    runtime.networks["n"] = network(
        {"labctl.run": "two", "labctl.process": own_process(), "labctl.expires": LATER}
    )
    assert leftovers(runtime) == {
        "one": Leftovers(containers=2, is_over=True),
        "two": Leftovers(containers=1, networks=1, is_over=False),
    }


def test_a_run_whose_labctl_has_ended_is_over() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        alive = own_process().replace(f"/{os.getpid()}/", f"/{process.pid}/")
        started = Path(f"/proc/{process.pid}/stat").read_text("ascii").split()[21]
        alive = alive.rpartition("/")[0] + f"/{started}"
        elsewhere = "another-machine/1/1"
        runtime = FakeRuntime()
        for name, label in (("alive", alive), ("own", own_process()), ("away", elsewhere)):
            add(runtime, name, run=name, expires=LATER, process=label)
        assert sweep_all(runtime, running=False) == Removed()
        process.kill()
    assert sweep_all(runtime, running=False) == Removed(containers=1)
    assert sorted(runtime.containers) == ["away", "own"]
    again = own_process().rpartition("/")[0] + "/1"
    add(runtime, "before", expires=LATER, run="before", process=again)
    assert sweep_all(runtime, running=False) == Removed(containers=1), "its number is used again"


def test_a_lab_whose_labctl_runs_does_not_expire() -> None:
    runtime = FakeRuntime()
    add(runtime, "at work", run="a", expires="1", process=own_process())
    add(runtime, "away", run="b", expires="1", process="another-machine/1/1")
    add(runtime, "kept", run="c", expires=LATER, process=own_process(), keep="1")
    assert sweep_all(runtime, running=False) == Removed(containers=2)
    assert list(runtime.containers) == ["at work"]


def test_one_run_alone_can_be_cleaned_up() -> None:
    runtime = FakeRuntime()
    for run in ("one", "two"):
        add(runtime, run, run=run, keep="1", expires=LATER)
    assert sweep_all(runtime, running=False, run="one") == Removed(containers=1)
    assert list(runtime.containers) == ["two"]


def test_a_thing_is_never_removed_twice_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime, together = FakeRuntime(), threading.Barrier(2)
    add(runtime, "c")

    def remove_slowly(_kind: ResourceKind, _id: str) -> None:
        with suppress(threading.BrokenBarrierError):
            together.wait(IN_VAIN_S)
            pytest.fail("two threads remove it")
        together.reset()

    monkeypatch.setattr(runtime, "remove", remove_slowly)
    resources = RunResources(runtime)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: resources.remove(CONTAINER, "c"), range(2)))


def test_a_run_that_ends_waits_for_what_is_being_made() -> None:
    resources = RunResources(FakeRuntime())
    with ThreadPoolExecutor(1) as pool:
        with resources.making():
            closing = pool.submit(resources.close)
            assert not wait([closing], IN_VAIN_S).done
        closing.result(5)
    with pytest.raises(EngineError, match="the run was stopped"), resources.making():
        pytest.fail("nothing is made any more")


@pytest.mark.parametrize(("running", "removed"), [(False, 3), (True, 4)])
def test_cleaning_up_leaves_what_still_runs_unless_it_is_asked_to(
    running: bool, removed: int
) -> None:
    later, before = str(int(time.time()) + 999), str(int(time.time()) - 1)
    runtime = FakeRuntime()
    add(runtime, "kept", run="a", expires=later, keep="1")
    add(runtime, "expired", run="b", expires=before)
    add(runtime, "odd", run="c", expires="never")
    add(runtime, "alive", run="d", expires=later)
    add(runtime, "another's", other="x")
    assert sweep_all(runtime, running=running) == Removed(containers=removed)
    assert ("alive" in runtime.containers) is not running
    assert "another's" in runtime.containers


def test_where_an_owner_is_named_that_owners_things_alone_are_cleaned_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LABCTL_OWNER", "ada")
    runtime = FakeRuntime()
    add(runtime, "hers", run="a", owner="ada")
    add(runtime, "other", run="b", owner="bob")
    add(runtime, "nobody's", run="c")
    assert list(leftovers(runtime)) == ["a"]
    assert sweep_all(runtime, running=True) == Removed(containers=1)
    assert sorted(runtime.containers) == ["nobody's", "other"]
