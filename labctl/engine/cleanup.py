"""Removes what labctl made on an engine, found by its labels."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from labctl.engine import labels
from labctl.engine.runtime import Busy, Resource, ResourceKind, Runtime, doing
from labctl.errors import EngineError

_SETTLE_S = 20.0
"""How long to go on trying to remove what the engine can't remove yet."""
_PAUSE_S = 0.05
_PARALLEL = 8

_IsOver = Callable[[Mapping[str, str]], bool]


@dataclass(frozen=True, kw_only=True)
class Removed:
    """How many things of each kind were removed."""

    containers: int = 0
    networks: int = 0
    volumes: int = 0


def sweep(runtime: Runtime, run: str) -> Removed:
    """Remove all containers, networks and volumes with the label of a run, and return how many
    there were. Raise EngineError if new ones come up again and again.
    """
    return _remove_all(runtime, (f"{labels.RUN}={run}",), lambda _: True)


def sweep_all(runtime: Runtime, *, running: bool) -> Removed:
    """Remove what runs left behind, kept labs and expired ones, and with `running` the labs of all
    runs. Return how many things were removed. Raise EngineError if new ones come up again and
    again.
    """
    now = time.time()

    def is_over(found: Mapping[str, str]) -> bool:
        return running or labels.KEEP in found or labels.expiry(found) < now

    return _remove_all(runtime, labels.of_all_runs(), is_over)


def leftovers(runtime: Runtime) -> dict[str, int]:
    """Return how many containers each run has on the engine, by the run's id."""
    counts: dict[str, int] = {}
    with doing("looking for what runs have left"):
        for container in runtime.resources(ResourceKind.CONTAINER, labels.of_all_runs()):
            run = container.labels.get(labels.RUN, "")
            counts[run] = counts.get(run, 0) + 1
    return counts


def remove(runtime: Runtime, kind: ResourceKind, id_: str) -> None:
    """Remove a container, network or volume as soon as the engine can; do nothing if it has gone.

    A network can be removed when the engine has let go of the last container on it. No event says
    when that is, so it is tried again and again. Raise Busy if it is still refused after 20 s.
    """
    deadline = time.monotonic() + _SETTLE_S
    while refusal := _refusal(runtime, Resource(kind=kind, id=id_, labels={})):
        if time.monotonic() > deadline:
            raise refusal
        time.sleep(_PAUSE_S)


def _remove_all(runtime: Runtime, all_of: Sequence[str], is_over: _IsOver) -> Removed:
    """Remove the things with these labels whose run is over, until none is left, and return how
    many. A run that is still at work makes new things until it notices that its lab has gone.
    """
    removed: set[tuple[ResourceKind, str]] = set()
    refusals: list[Busy] = []
    deadline = math.inf
    with doing("removing what is left of a run"):
        while left := _look(runtime, all_of, is_over):
            if time.monotonic() > deadline:
                raise _endless(left, refusals)
            removed.update((resource.kind, resource.id) for resource in left)
            refusals = _remove_once(runtime, left)
            deadline = min(deadline, time.monotonic() + _SETTLE_S)
            if refusals:
                time.sleep(_PAUSE_S)
    return Removed(**_count(kind for kind, _ in removed))


def _look(runtime: Runtime, all_of: Sequence[str], is_over: _IsOver) -> list[Resource]:
    """Ask the engine for the resources with these labels, and return those whose run is over."""
    return [
        resource
        for kind in ResourceKind
        for resource in runtime.resources(kind, all_of)
        if is_over(resource.labels)
    ]


def _remove_once(runtime: Runtime, left: Sequence[Resource]) -> list[Busy]:
    """Try to remove each thing once, containers before networks before volumes. Return the engine's
    refusals.
    """
    refusals: list[Busy] = []
    for kind in ResourceKind:
        of_kind = sorted((r for r in left if r.kind is kind), key=lambda resource: resource.id)
        if of_kind:
            with ThreadPoolExecutor(_PARALLEL) as pool:
                tried = pool.map(lambda resource: _refusal(runtime, resource), of_kind)
                refusals += [refusal for refusal in tried if refusal]
    return refusals


def _refusal(runtime: Runtime, resource: Resource) -> Busy | None:
    """Try to remove a thing. Return the engine's refusal if it can't be removed yet, or
    else None.
    """
    try:
        runtime.remove(resource.kind, resource.id)
    except Busy as refusal:
        return refusal
    return None


def _endless(left: Sequence[Resource], refusals: Sequence[Busy]) -> EngineError:
    """Return the error for resources that come back as often as they are removed."""
    counts = ", ".join(f"{n} {name}" for name, n in _count(r.kind for r in left).items() if n)
    reason = f"; the engine says: {refusals[-1].message}" if refusals else ""
    return EngineError(
        f"removing what is left of a run: after {_SETTLE_S:g} s there are still {counts}{reason}",
        hint="end the labctl that goes on making them, take anything else off their network, and "
        "run `labctl clean --all`",
    )


def _count(kinds: Iterable[ResourceKind]) -> dict[str, int]:
    """Return the number of things by the names of kinds that Removed has."""
    listed = list(kinds)
    return {f"{kind}s": listed.count(kind) for kind in ResourceKind}
