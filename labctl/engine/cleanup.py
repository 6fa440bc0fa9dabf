"""Removes what labctl made on an engine, found by its labels."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from labctl.engine import labels
from labctl.engine.runtime import Busy, Resource, ResourceKind, doing
from labctl.errors import EngineError

_SETTLE_S = 20.0
"""How long to go on trying to remove what the engine can't remove yet."""
_PAUSE_S = 0.05
_PARALLEL = 8
_SHORT = 12
"""How many characters of an id people are shown."""

_IsOver = Callable[[Mapping[str, str]], bool]


class Removing(Protocol):
    """The part of a Runtime that removing takes; its methods do and raise the same."""

    def resources(self, kind: ResourceKind, labels: Sequence[str]) -> list[Resource]:
        """Ask the engine for all things of a kind that have all of these labels."""
        ...

    def remove(self, kind: ResourceKind, id_: str) -> None:
        """Remove a thing. Raise Busy if it will be possible in a moment."""
        ...


@dataclass(frozen=True, kw_only=True)
class Held:
    """A thing that the engine does not let go of, and the engine's reason."""

    kind: ResourceKind
    id: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Removed:
    """How many things of each kind were removed, and what could not be."""

    containers: int = 0
    networks: int = 0
    volumes: int = 0
    held: tuple[Held, ...] = ()

    @classmethod
    def together(cls, parts: Sequence[Removed]) -> Removed:
        """Return what was removed on several engines as one."""
        return cls(
            containers=sum(part.containers for part in parts),
            networks=sum(part.networks for part in parts),
            volumes=sum(part.volumes for part in parts),
            held=tuple(thing for part in parts for thing in part.held),
        )


def sweep(runtime: Removing, run: str) -> Removed:
    """Remove all containers, networks and volumes with the label of a run, and return how many
    there were, and what the engine holds. Raise EngineError if new ones come up again and again.
    """
    return _remove_all(runtime, (f"{labels.RUN}={run}",), lambda _: True)


def sweep_lab(runtime: Removing, lab: str) -> Removed:
    """Remove all containers, networks and volumes with the label of a lab, as `sweep` does."""
    return _remove_all(runtime, (f"{labels.LAB}={lab}",), lambda _: True)


def sweep_all(runtime: Removing, *, running: bool, run: str = "") -> Removed:
    """Remove what runs left behind, or one `run`: what is over, and with `running` the labs of
    those at work, too. Return how many things were removed. Raise EngineError if new ones come up
    again and again.
    """
    return _remove_all(runtime, labels.of_runs(run), lambda found: running or labels.is_over(found))


@dataclass
class Leftovers:
    """How many containers and networks a run has on the engine, and whether it is over."""

    containers: int = 0
    networks: int = 0
    is_over: bool = True


def leftovers(runtime: Removing) -> dict[str, Leftovers]:
    """Return what each run has on the engine, by the run's id."""
    runs: dict[str, Leftovers] = {}
    with doing("looking for what runs have left"):
        for kind in (ResourceKind.CONTAINER, ResourceKind.NETWORK):
            for found in runtime.resources(kind, labels.of_runs()):
                left = runs.setdefault(found.labels.get(labels.RUN, ""), Leftovers())
                left.containers += kind is ResourceKind.CONTAINER
                left.networks += kind is ResourceKind.NETWORK
                left.is_over = left.is_over and labels.is_over(found.labels)
    return runs


def remove(runtime: Removing, kind: ResourceKind, id_: str) -> None:
    """Remove a container, network or volume as soon as the engine can; do nothing if it has gone.

    A network can be removed when the engine has let go of the last container on it. No event says
    when that is, so it is tried again and again. Raise Busy if it is still refused after 20 s.
    """
    deadline = time.monotonic() + _SETTLE_S
    while held := _try(runtime, kind, id_):
        if time.monotonic() > deadline:
            raise Busy(held.reason)
        time.sleep(_PAUSE_S)


def _remove_all(runtime: Removing, all_of: Sequence[str], is_over: _IsOver) -> Removed:
    """Remove the things with these labels whose run is over, until none is left, and return how
    many. A run that is still at work makes new things until it notices that its lab has gone.
    """
    seen: set[tuple[ResourceKind, str]] = set()
    held: tuple[Held, ...] = ()
    deadline = math.inf
    with doing("removing what is left of a run"):
        while found := _look(runtime, all_of, is_over):
            left = {(one.kind, one.id) for one in found}
            if time.monotonic() > deadline:
                if left != {(thing.kind, thing.id) for thing in held}:
                    raise _endless(kind for kind, _ in left)
                break
            seen |= left
            held = _remove_once(runtime, found)
            deadline = min(deadline, time.monotonic() + _SETTLE_S)
            if held:
                time.sleep(_PAUSE_S)
    gone = seen - {(one.kind, one.id) for one in found}
    return Removed(**_count(kind for kind, _ in gone), held=held if found else ())


def _look(runtime: Removing, all_of: Sequence[str], is_over: _IsOver) -> list[Resource]:
    """Ask the engine for the resources with these labels, and return those whose run is over."""
    return [
        resource
        for kind in ResourceKind
        for resource in runtime.resources(kind, all_of)
        if is_over(resource.labels)
    ]


def _remove_once(runtime: Removing, found: Sequence[Resource]) -> tuple[Held, ...]:
    """Try to remove each thing once, containers before networks before volumes. Return those that
    the engine holds.
    """
    held: list[Held] = []
    for kind in ResourceKind:
        if ids := [one.id for one in found if one.kind is kind]:
            with ThreadPoolExecutor(_PARALLEL) as pool:
                held += filter(None, pool.map(partial(_try, runtime, kind), ids))
    return tuple(held)


def _try(runtime: Removing, kind: ResourceKind, id_: str) -> Held | None:
    """Try to remove a thing. Return it if the engine holds it, or else None."""
    try:
        runtime.remove(kind, id_)
    except Busy as refusal:
        return Held(kind=kind, id=id_, reason=refusal.message)
    return None


def held_error(held: Sequence[Held]) -> EngineError:
    """Return the error that tells what the engine does not let go of, at least one thing."""
    listed = ", ".join(f"{thing.kind} {thing.id[:_SHORT]}" for thing in held)
    return EngineError(
        f"the engine does not let go of {listed}; it says: {held[-1].reason}",
        hint="restart the engine if it does not help to wait; then run `labctl clean`",
    )


def _endless(left: Iterable[ResourceKind]) -> EngineError:
    """Return the error for resources that come back as often as they are removed."""
    counts = ", ".join(f"{n} {name}" for name, n in _count(left).items() if n)
    return EngineError(
        f"removing what is left of a run: after {_SETTLE_S:g} s there are still {counts}",
        hint="end the labctl that goes on making them, and run `labctl clean --all`",
    )


def _count(kinds: Iterable[ResourceKind]) -> dict[str, int]:
    """Return the number of things by the names of kinds that Removed has."""
    listed = list(kinds)
    return {f"{kind}s": listed.count(kind) for kind in ResourceKind}
