"""What is removed, and how often it is tried, on an engine that is a list of answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Any

import pytest
import requests
from docker.errors import APIError, NotFound

from labctl.engine import cleanup
from labctl.engine.cleanup import (
    Removed,
    leftovers,
    remove_container,
    remove_network,
    sweep,
    sweep_all,
)
from labctl.errors import EngineError

BUSY = "removal of container x is already in progress"


@pytest.fixture(autouse=True)
def _no_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests on a real engine name one."""
    monkeypatch.delenv("LABCTL_OWNER", raising=False)


def refusal(status: int, kind: type[APIError] = APIError) -> APIError:
    response = requests.Response()
    response.status_code = status
    return kind("no", response=response, explanation=BUSY)


@dataclass
class Engine:
    """Holds things by kind; each removal takes the next of the answers, if there is one. After
    each that succeeds, a run at work makes the next of `makes`.
    """

    answers: list[APIError | None] = field(default_factory=list)
    things: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    makes: Iterator[dict[str, Any]] = field(default_factory=lambda: iter(()))
    said: list[str] = field(default_factory=list)
    filters: list[object] = field(default_factory=list)

    @property
    def client(self) -> Any:
        """Itself, in the place of the SDK's client."""
        return self

    def _answer(self, kind: str, name: str) -> None:
        self.said.append(f"{kind} {name}")
        answer = self.answers.pop(0) if self.answers else None
        if answer:
            raise answer
        left = self.things.get(f"{kind}s", [])
        left[:] = [one for one in left if name not in (one.get("Id"), one.get("Name"))]
        self.things.setdefault("containers", []).extend(islice(self.makes, 1))

    def remove_container(self, name: str, *, v: bool, force: bool) -> None:
        assert v
        assert force
        self._answer("container", name)

    def remove_network(self, name: str) -> None:
        self._answer("network", name)

    def remove_volume(self, name: str, *, force: bool) -> None:
        assert force
        self._answer("volume", name)

    def containers(self, *, all: bool, filters: object) -> list[dict[str, Any]]:  # noqa: A002
        assert all
        self.filters.append(filters)
        return list(self.things.get("containers", []))

    def networks(self, *, filters: object) -> list[dict[str, Any]]:
        self.filters.append(filters)
        return list(self.things.get("networks", []))

    def volumes(self, *, filters: object) -> dict[str, list[dict[str, Any]] | None]:
        self.filters.append(filters)
        return {"Volumes": self.things.get("volumes")}


Remove = Callable[[Any, str], None]


@pytest.fixture(params=[(remove_container, "container x"), (remove_network, "network x")])
def removal(request: pytest.FixtureRequest) -> tuple[Remove, str]:
    remove, said = request.param
    return remove, said


@pytest.mark.parametrize(
    ("answers", "tries"),
    [
        ([None], 1),
        ([refusal(404, NotFound)], 1),
        ([refusal(409), refusal(403), None], 3),
        ([refusal(409), refusal(404, NotFound)], 2),
    ],
)
def test_a_thing_is_removed_when_the_engine_has_let_go_of_it(
    removal: tuple[Remove, str], answers: list[APIError | None], tries: int
) -> None:
    remove, said = removal
    engine = Engine(answers=list(answers))
    remove(engine, "x")
    assert engine.said == [said] * tries


def test_what_stays_busy_is_given_up(
    removal: tuple[Remove, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleanup, "_SETTLE_S", 0.1)
    remove, _ = removal
    engine = Engine(answers=[refusal(409)] * 1000)
    with pytest.raises(APIError):
        remove(engine, "x")
    assert len(engine.said) > 1


def test_any_other_refusal_is_raised_at_once(removal: tuple[Remove, str]) -> None:
    remove, _ = removal
    engine = Engine(answers=[refusal(500)])
    with pytest.raises(APIError):
        remove(engine, "x")
    assert len(engine.said) == 1


def of_run(name: str, key: str = "Id", **labels: str) -> dict[str, Any]:
    return {key: name, "Labels": {f"labctl.{label}": text for label, text in labels.items()}}


def test_a_run_is_swept_by_its_label_containers_before_networks() -> None:
    things = {
        "containers": [of_run("c")],
        "networks": [of_run("n")],
        "volumes": [of_run("v", "Name")],
    }
    engine = Engine(things=things)
    assert sweep(engine.client, "beef") == Removed(containers=1, networks=1, volumes=1)
    assert engine.filters == [{"label": ["labctl.run=beef"]}] * 6
    assert engine.said == ["container c", "network n", "volume v"]
    assert sweep(Engine().client, "beef") == Removed()


def test_a_sweep_that_is_refused_says_what_was_being_done() -> None:
    engine = Engine(things={"containers": [of_run("c")]}, answers=[refusal(500)])
    with pytest.raises(EngineError) as caught:
        sweep(engine.client, "beef")
    assert str(caught.value) == f"removing what is left of a run: {BUSY}"


def test_what_a_run_makes_meanwhile_is_removed_too() -> None:
    engine = Engine(
        things={"containers": [of_run("c1")], "networks": [of_run("n")]},
        answers=[None, refusal(403)],
        makes=iter([of_run("c2"), of_run("c3")]),
    )
    assert sweep(engine.client, "beef") == Removed(containers=3, networks=1)
    assert engine.said == ["container c1", "network n", "container c2", "network n", "container c3"]


def test_a_run_that_goes_on_making_things_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleanup, "_SETTLE_S", 0.1)
    engine = Engine(things={"containers": [of_run("c")]}, makes=(of_run(f"c{n}") for n in count()))
    with pytest.raises(EngineError) as caught:
        sweep(engine.client, "beef")
    assert str(caught.value) == (
        "removing what is left of a run: after 0.1 s there are still 1 containers"
    )
    assert "end the labctl that goes on making them" in caught.value.hint


def test_a_network_that_something_else_is_on_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleanup, "_SETTLE_S", 0.1)
    engine = Engine(things={"networks": [of_run("n")]}, answers=[refusal(403)] * 1000)
    with pytest.raises(EngineError) as caught:
        sweep(engine.client, "beef")
    assert str(caught.value).endswith(f"still 1 networks; the engine says: {BUSY}")
    assert len(engine.said) < 10, "the engine is asked without a pause"


@pytest.mark.parametrize(("running", "removed"), [(False, 4), (True, 5)])
def test_cleaning_up_leaves_what_still_runs_unless_it_is_asked_to(
    running: bool, removed: int
) -> None:
    later, before = str(int(time.time()) + 999), str(int(time.time()) - 1)
    left = [
        of_run("kept", run="a", expires=later, keep="1"),
        of_run("expired", run="b", expires=before),
        of_run("odd", run="c", expires="never"),
        {"Id": "bare", "Labels": None},
        of_run("alive", run="d", expires=later),
    ]
    engine = Engine(things={"containers": left})
    assert sweep_all(engine.client, running=running) == Removed(containers=removed)
    assert engine.filters == [{"label": ["labctl.run"]}] * 6
    assert ("container alive" in engine.said) is running


def test_where_an_owner_is_named_that_owners_things_alone_are_cleaned_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LABCTL_OWNER", "ada")
    engine = Engine()
    sweep_all(engine.client, running=True)
    leftovers(engine.client)
    assert engine.filters == [{"label": ["labctl.run", "labctl.owner=ada"]}] * 4
