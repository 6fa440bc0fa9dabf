"""Removes what labctl made on a Docker engine, found by its labels."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import docker
from docker.errors import APIError, NotFound

from labctl.engine import labels
from labctl.engine.connect import engine_errors

_BUSY = (403, 409)
_SETTLE_S = 20.0

_IsOver = Callable[[dict[str, str]], bool]


@dataclass(frozen=True, kw_only=True)
class Removed:
    """How many things of each kind were removed."""

    containers: int = 0
    networks: int = 0
    volumes: int = 0


def sweep(client: docker.APIClient, run: str) -> Removed:
    """Remove all that carries the label of that run."""
    return _remove_all(client, f"{labels.RUN}={run}", lambda _: True)


def sweep_all(client: docker.APIClient, *, running: bool) -> Removed:
    """Remove what runs left behind: kept labs and expired ones, and with `running` all others."""
    now = time.time()

    def is_over(found: dict[str, str]) -> bool:
        return running or labels.KEEP in found or _expiry(found) < now

    return _remove_all(client, labels.RUN, is_over)


def leftovers(client: docker.APIClient) -> dict[str, int]:
    """How many containers each run has on the engine."""
    counts: dict[str, int] = {}
    with engine_errors("looking for what runs have left"):
        for found in client.containers(all=True, filters={"label": labels.RUN}):
            run = found["Labels"].get(labels.RUN, "")
            counts[run] = counts.get(run, 0) + 1
    return counts


def _expiry(found: dict[str, str]) -> float:
    text = found.get(labels.EXPIRES, "")
    return float(text) if text.isdigit() else 0.0


def _remove_all(client: docker.APIClient, label: str, wanted: _IsOver) -> Removed:
    """Containers first: a network with a container on it can't be removed."""
    chosen = {"label": label}
    with engine_errors("removing what is left of a run"):
        containers = _ids(client.containers(all=True, filters=chosen), "Id", wanted)
        _in_parallel(containers, lambda name: remove_container(client, name))
        networks = _ids(client.networks(filters=chosen), "Id", wanted)
        _in_parallel(networks, lambda name: remove_network(client, name))
        volumes = _ids(client.volumes(filters=chosen)["Volumes"] or (), "Name", wanted)
        for name in volumes:
            client.remove_volume(name, force=True)
    return Removed(containers=len(containers), networks=len(networks), volumes=len(volumes))


def _ids(found: Iterable[dict[str, Any]], key: str, wanted: _IsOver) -> list[str]:
    return [item[key] for item in found if wanted(item.get("Labels") or {})]


def _in_parallel(names: list[str], remove: Callable[[str], None]) -> None:
    if names:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(remove, names))


def remove_container(client: docker.APIClient, name: str) -> None:
    """Remove a container and its volumes, dead or alive; fine if it has gone or is on its way."""
    _settled(lambda: client.remove_container(name, v=True, force=True))


def remove_network(client: docker.APIClient, name: str) -> None:
    """Remove a network, as soon as the engine has let go of the last container on it."""
    _settled(lambda: client.remove_network(name))


def _settled(remove: Callable[[], object]) -> None:
    """Call until the thing has gone: for a moment the engine may say that a removal is in
    progress (409), or that a network has active endpoints (403).

    There is no event to wait on that says when either is over.
    """
    deadline = time.monotonic() + _SETTLE_S
    while True:
        try:
            remove()
        except NotFound:
            return
        except APIError as error:
            if error.status_code not in _BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
