"""Removes what labctl made on a Docker engine, found by its labels."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import docker
from docker.errors import APIError, NotFound

from labctl.engine import labels
from labctl.engine.connect import engine_errors
from labctl.errors import EngineError

_BUSY = (403, 409)
_SETTLE_S = 20.0
_PAUSE_S = 0.05

_IsOver = Callable[[dict[str, str]], bool]


@dataclass(frozen=True, kw_only=True)
class Removed:
    """How many things of each kind were removed."""

    containers: int = 0
    networks: int = 0
    volumes: int = 0


class _Things(NamedTuple):
    """What is on the engine, by what the engine calls it."""

    containers: set[str]
    networks: set[str]
    volumes: set[str]


def sweep(client: docker.APIClient, run: str) -> Removed:
    """Remove all that carries the label of that run."""
    return _remove_all(client, [f"{labels.RUN}={run}"], lambda _: True)


def sweep_all(client: docker.APIClient, *, running: bool) -> Removed:
    """Remove what runs left behind: kept labs and expired ones, and with `running` all others."""
    now = time.time()

    def is_over(found: dict[str, str]) -> bool:
        return running or labels.KEEP in found or _expiry(found) < now

    return _remove_all(client, labels.of_all_runs(), is_over)


def leftovers(client: docker.APIClient) -> dict[str, int]:
    """How many containers each run has on the engine."""
    counts: dict[str, int] = {}
    with engine_errors("looking for what runs have left"):
        for found in client.containers(all=True, filters={"label": labels.of_all_runs()}):
            run = found["Labels"].get(labels.RUN, "")
            counts[run] = counts.get(run, 0) + 1
    return counts


def _expiry(found: dict[str, str]) -> float:
    text = found.get(labels.EXPIRES, "")
    return float(text) if text.isdigit() else 0.0


def _remove_all(client: docker.APIClient, labelled: list[str], wanted: _IsOver) -> Removed:
    """Look and remove until nothing is left: a run that is at work goes on making things until it
    notices that its lab has gone. Raises EngineError where that doesn't end.
    """
    seen = _Things(set(), set(), set())
    refusals: list[APIError] = []
    deadline = math.inf
    with engine_errors("removing what is left of a run"):
        while any(left := _look(client, labelled, wanted)):
            if time.monotonic() > deadline:
                raise _endless(left, refusals)
            for all_of_it, names in zip(seen, left, strict=True):
                all_of_it.update(names)
            refusals = _remove(client, left)
            deadline = min(deadline, time.monotonic() + _SETTLE_S)
            if refusals:
                time.sleep(_PAUSE_S)
    return Removed(**{kind: len(names) for kind, names in seen._asdict().items()})


def _look(client: docker.APIClient, labelled: list[str], wanted: _IsOver) -> _Things:
    chosen = {"label": labelled}
    return _Things(
        containers=_names(client.containers(all=True, filters=chosen), "Id", wanted),
        networks=_names(client.networks(filters=chosen), "Id", wanted),
        volumes=_names(client.volumes(filters=chosen)["Volumes"] or (), "Name", wanted),
    )


def _names(found: Iterable[dict[str, Any]], key: str, wanted: _IsOver) -> set[str]:
    return {item[key] for item in found if wanted(item.get("Labels") or {})}


def _remove(client: docker.APIClient, left: _Things) -> list[APIError]:
    """Try each once, containers first: a network with one on it can't be removed. What the engine
    refuses for now.
    """
    return [
        *_refusals(left.containers, lambda name: client.remove_container(name, v=True, force=True)),
        *_refusals(left.networks, client.remove_network),
        *_refusals(left.volumes, lambda name: client.remove_volume(name, force=True)),
    ]


def _refusals(names: set[str], remove: Callable[[str], object]) -> list[APIError]:
    if not names:
        return []
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda name: _refusal(lambda: remove(name)), sorted(names))
        return [refusal for refusal in found if refusal]


def _endless(left: _Things, refusals: Sequence[APIError]) -> EngineError:
    counts = ", ".join(f"{len(names)} {kind}" for kind, names in left._asdict().items() if names)
    said = f"; the engine says: {refusals[-1].explanation}" if refusals else ""
    return EngineError(
        f"removing what is left of a run: after {_SETTLE_S:g} s there are still {counts}{said}",
        hint="end the labctl that goes on making them, take anything else off their network, and "
        "run `labctl clean --all`",
    )


def remove_container(client: docker.APIClient, name: str) -> None:
    """Remove a container and its volumes, dead or alive; fine if it has gone or is on its way."""
    _settled(lambda: client.remove_container(name, v=True, force=True))


def remove_network(client: docker.APIClient, name: str) -> None:
    """Remove a network, as soon as the engine has let go of the last container on it."""
    _settled(lambda: client.remove_network(name))


def _settled(remove: Callable[[], object]) -> None:
    """Call until the thing has gone. There is no event to wait on that says when it can."""
    deadline = time.monotonic() + _SETTLE_S
    while refusal := _refusal(remove):
        if time.monotonic() > deadline:
            raise refusal
        time.sleep(_PAUSE_S)


def _refusal(remove: Callable[[], object]) -> APIError | None:
    """None if the thing has gone. For a moment the engine may say that a removal is in progress
    (409), or that a network has active endpoints (403): then that.
    """
    try:
        remove()
    except NotFound:
        pass
    except APIError as error:
        if error.status_code not in _BUSY:
            raise
        return error
    return None
