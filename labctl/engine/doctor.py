"""Looks at all that labs need of this machine and its engine, by trying where that is possible."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator

from labctl.engine import isolation
from labctl.engine.access import EngineAccess, open_engine
from labctl.engine.containers import service_container
from labctl.engine.images import (
    LAB,
    ImageState,
    ImageStatus,
    client_image,
    libraries_image,
)
from labctl.engine.labels import Labels
from labctl.engine.run_once import run_once
from labctl.engine.runtime import Runtime, doing
from labctl.errors import EngineError
from labctl.load.bundled import bundled_compose
from labctl.load.compose import load_compose
from labctl.model.check import Check, CheckState
from labctl.model.compose import Service
from labctl.model.plan import Interpreter
from labctl.pythons import SERIES


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
        if LAB in ready:
            yield from _features(engine.runtime, run)
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


def _features(runtime: Runtime, run: str) -> Iterator[Check]:
    """Check what the kernel can do of the faults: a container tries each, and says so."""
    spec = service_container(
        Service(name="features", image=LAB, command=("features",), cap_add=("NET_ADMIN",)),
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
    image = next((i for name, i in ready.items() if name != LAB), None)
    if image is None or LAB not in ready:
        yield Check(
            name="isolation",
            state=CheckState.LIMITED,
            seen="not tried: that takes the lab's image, and one of a client",
            hint="labctl images build lab 3.13, then labctl doctor again",
        )
        return
    compose = bundled_compose()
    python = Interpreter(series=image.python, version=image.python, image=image.name)
    services = (load_compose(compose)["dns"],)
    reach = isolation.try_isolation(engine.for_run(run), python, services, compose)
    holes = reach.holes()
    yield Check(
        name="isolation",
        state=CheckState.MISSING if holes else CheckState.OK,
        seen="; ".join(holes)
        if holes
        else f"tried: none of the host's {len(reach.tried)} addresses is reached",
        hint="run untrusted clients elsewhere; a newer Docker Engine isolates better"
        if holes
        else "",
    )


def _leftovers(engine: EngineAccess, own: str) -> Check:
    """Check what other runs have left. `own` is the doctor's own run, which goes when it ends."""
    left = {run: number for run, number in engine.leftovers().items() if run != own}
    return Check(
        name="leftovers",
        state=CheckState.OK,
        seen=f"containers: {sum(left.values())}, runs: {len(left)}" if left else "none",
        hint="labctl clean removes what no run uses any more" if left else "",
    )
