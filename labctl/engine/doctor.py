"""Looks at all that labs need of this machine and its engine, by trying where that is possible."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator

from labctl.engine import isolation, limits
from labctl.engine.access import EngineAccess, open_engine
from labctl.engine.containers import service_container
from labctl.engine.images.names import LAB, client_image, libraries_image
from labctl.engine.images.status import ImageState, ImageStatus
from labctl.engine.isolation import Reach
from labctl.engine.labels import Labels
from labctl.engine.run_once import run_once
from labctl.engine.runtime import Runtime, doing
from labctl.errors import EngineError
from labctl.model.check import Check, CheckState
from labctl.model.compose import Service
from labctl.pythons import SERIES
from labctl.text import comma_list

_CONTROLLERS = (
    "a bad client could take the machine down: run none that you do not trust, or enable the "
    "kernel's controllers (cgroups v2, and for an engine without root, their delegation to users)"
)
_WITHOUT = {
    limits.MEMORY: _CONTROLLERS,
    limits.PROCESSES: _CONTROLLERS,
    limits.FILES: "Podman has no such limit; what files take of memory is limited all the same",
}
"""What to do without a limit. The first one that is lacking weighs most."""


def examine() -> Iterator[Check]:
    """Make every check, and yield it as soon as it is done. A check that needs something that is
    missing is left out. Starts containers on the engine, and removes them in the end.
    """
    try:
        engine = open_engine()
    except EngineError as error:
        yield Check(name="engine", state=CheckState.MISSING, seen=error.message, hint=error.hint)
        return
    run = secrets.token_hex(4)
    try:
        yield from engine.checks()
        store = engine.images()
        images = store.status([LAB, *(client_image(series) for series in SERIES)])
        yield from map(_image, images)
        yield _libraries(store.status(map(libraries_image, SERIES)))
        ready = {image.name: image for image in images if image.state is ImageState.READY}
        yield _limits(engine.runtime, ready, run)
        if LAB in ready:
            yield from _features(engine.runtime, ready[LAB], run)
        yield from _isolation(engine, ready, run)
        yield _leftovers(engine, run)
    finally:
        engine.sweep(run)


def _image(image: ImageStatus) -> Check:
    """Return the check of one image: whether it is built."""
    if image.state is ImageState.READY:
        python = f"CPython {image.python}, " if image.python else ""
        seen = f"{python}from {image.origin}"
        return Check(name=f"image {image.name}", state=CheckState.OK, seen=seen)
    return Check(
        name=f"image {image.name}",
        state=CheckState.LIMITED,
        seen=str(image.state),
        hint="built when it is first needed, or now with `labctl images build`",
    )


def _libraries(images: list[ImageStatus]) -> Check:
    """Return the check of the images with libraries. It never fails, because only attempts with
    `requires` need them.
    """
    ready = [
        series
        for series, image in zip(SERIES, images, strict=True)
        if image.state is ImageState.READY
    ]
    return Check(
        name="libraries",
        state=CheckState.OK,
        seen=f"images with libraries: {', '.join(ready) or 'none yet'}",
        hint=""
        if len(ready) == len(images)
        else "built when an attempt with `requires` first needs them; that takes pip and its index",
    )


def _limits(runtime: Runtime, ready: dict[str, ImageStatus], run: str) -> Check:
    """Check the limits of a client's container, by going beyond them."""
    client = _client(ready)
    if client is None:
        return Check(
            name="limits",
            state=CheckState.LIMITED,
            seen="not tried: that takes the image of a client",
            hint="labctl images build 3.13, then labctl doctor again",
        )
    lacking = limits.lacking_limits(runtime, client.reference, run)
    return Check(
        name="limits",
        state=CheckState.LIMITED if lacking else CheckState.OK,
        seen=f"no limit of {comma_list(lacking)}"
        if lacking
        else "tried: memory, processes and files are limited",
        hint=_WITHOUT[lacking[0]] if lacking else "",
    )


def _client(ready: dict[str, ImageStatus]) -> ImageStatus | None:
    """Return the first image of a client of those that are ready, if there is one."""
    return next((image for name, image in ready.items() if name != LAB), None)


def _features(runtime: Runtime, lab: ImageStatus, run: str) -> Iterator[Check]:
    """Check what the kernel can do of the faults: a container tries each, and says so."""
    spec = service_container(
        Service(name="features", image=LAB, command=("features",), cap_add=("NET_ADMIN",)),
        image=lab.reference,
        name=f"labctl-{run}-features",
        place=None,
        environment={},
        has_stdin=False,
        labels=Labels(run=run).of(()),
    )
    with doing("trying the kernel's features"):
        output = run_once(runtime, spec)
    for line in output.stdout.splitlines():
        event = json.loads(line)
        if event["event"] == "feature":
            feature = event["detail"]
            yield Check(
                name=feature["name"],
                state=CheckState.OK if feature["works"] else CheckState.LIMITED,
                seen="works" if feature["works"] else feature["why"],
                hint="" if feature["works"] else "scenarios that need it will end as an error",
            )


def _isolation(engine: EngineAccess, ready: dict[str, ImageStatus], run: str) -> Iterator[Check]:
    """Check what a client in a lab can reach and do, by trying."""
    image = _client(ready)
    if image is None or LAB not in ready:
        yield Check(
            name="isolation",
            state=CheckState.LIMITED,
            seen="not tried: that takes the lab's image, and one of a client",
            hint="labctl images build lab 3.13, then labctl doctor again",
        )
        return
    python = image.interpreter(image.python)
    try:
        reach = isolation.try_isolation(engine.for_run(run), python, is_here=engine.is_here)
    except EngineError as error:
        yield Check(name="isolation", state=CheckState.MISSING, seen=error.message, hint=error.hint)
    else:
        yield isolation_check(reach)


def isolation_check(reach: Reach) -> Check:
    """Return the check of what a client could reach and do. It is only as good as the list of the
    host's addresses: without one, nothing is known of the host.
    """
    if holes := reach.holes():
        return Check(
            name="isolation",
            state=CheckState.MISSING,
            seen="; ".join(holes),
            hint="run code that you do not trust elsewhere",
        )
    if not reach.tried:
        return Check(
            name="isolation",
            state=CheckState.LIMITED,
            seen="not tried whether a client reaches the engine's host: "
            "its addresses are not known",
            hint="run labctl doctor where the engine runs, on Linux with /proc/net to read",
        )
    return Check(
        name="isolation",
        state=CheckState.OK,
        seen=f"tried: none of the host's {len(reach.tried)} addresses is reached",
    )


def _leftovers(engine: EngineAccess, own: str) -> Check:
    """Check what other runs have left. `own` is the doctor's own run, which goes when it ends."""
    runs = {run: left for run, left in engine.leftovers().items() if run != own}
    containers = sum(left.containers for left in runs.values())
    networks = sum(left.networks for left in runs.values())
    return Check(
        name="leftovers",
        state=CheckState.OK,
        seen=f"containers: {containers}, networks: {networks}, runs: {len(runs)}"
        if runs
        else "none",
        hint="labctl clean removes what no run uses any more" if runs else "",
    )
