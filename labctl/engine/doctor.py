"""Looks at all that labs need of this machine and its engine, by trying where that is possible."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator

import docker

from labctl.engine import cleanup, containers, isolation
from labctl.engine.connect import connect, engine_errors
from labctl.engine.docker import DockerEngine
from labctl.engine.images import (
    LAB,
    ImageState,
    ImageStatus,
    ImageStore,
    client_image,
    libraries_image,
)
from labctl.engine.labels import Labels
from labctl.errors import EngineError
from labctl.load.bundled import bundled_compose
from labctl.load.compose import load_compose
from labctl.model.check import Check, State
from labctl.model.compose import Service
from labctl.model.plan import Interpreter
from labctl.pythons import SERIES

_OLDEST_API = (1, 41)


def examine() -> Iterator[Check]:
    """Every check, as soon as it is done; what needs something that is missing is left out."""
    try:
        client = connect()
    except EngineError as error:
        yield Check(name="engine", state=State.MISSING, seen=error.message, hint=error.hint)
        return
    run = secrets.token_hex(4)
    try:
        yield _version(client)
        yield _resources(client)
        images = ImageStore(client).status([LAB, *(client_image(series) for series in SERIES)])
        yield from map(_image, images)
        yield _libraries(ImageStore(client).status(map(libraries_image, SERIES)))
        ready = {image.name: image for image in images if image.state is ImageState.READY}
        if LAB in ready:
            yield from _features(client, run)
        yield from _isolation(client, ready, run)
        yield _leftovers(client, run)
    finally:
        cleanup.sweep(client, run)


def _version(client: docker.APIClient) -> Check:
    with engine_errors("asking the engine for its version"):
        found = client.version()
    api = tuple(int(part) for part in found["ApiVersion"].split("."))
    old = api < _OLDEST_API
    return Check(
        name="engine",
        state=State.LIMITED if old else State.OK,
        seen=f"Docker {found['Version']} (API {found['ApiVersion']}), "
        f"kernel {found.get('KernelVersion', 'unknown')}",
        hint="labctl is tried on Docker Engine 20.10 and later" if old else "",
    )


def _resources(client: docker.APIClient) -> Check:
    """Limits that the engine can't set would let a bad client take the machine down."""
    with engine_errors("asking the engine for its limits"):
        found = client.info()
    needs = {"MemoryLimit": "memory", "SwapLimit": "swap", "PidsLimit": "processes"}
    lacking = [word for key, word in needs.items() if not found.get(key)]
    return Check(
        name="limits",
        state=State.LIMITED if lacking else State.OK,
        seen=f"{found['NCPU']} CPUs; "
        + (f"no limit of {', '.join(lacking)}" if lacking else "memory, swap, processes limited"),
        hint="enable the cgroup controllers of the kernel (cgroup_enable=memory swapaccount=1)"
        if lacking
        else "",
    )


def _image(image: ImageStatus) -> Check:
    if image.state is ImageState.READY:
        python = f"CPython {image.python}, " if image.python else ""
        seen = f"{python}from {image.origin}"
        return Check(name=f"image {image.name}", state=State.OK, seen=seen)
    return Check(
        name=f"image {image.name}",
        state=State.LIMITED,
        seen=str(image.state),
        hint="built when it is first needed, or now with `labctl images build`",
    )


def _libraries(images: list[ImageStatus]) -> Check:
    """Always fine: who runs no attempt that requires a library never needs these."""
    ready = [
        series
        for series, image in zip(SERIES, images, strict=True)
        if image.state is ImageState.READY
    ]
    return Check(
        name="libraries",
        state=State.OK,
        seen=f"images with libraries: {', '.join(ready) or 'none yet'}",
        hint=""
        if len(ready) == len(images)
        else "built when an attempt with `requires` first needs them; that takes pip and its index",
    )


def _features(client: docker.APIClient, run: str) -> Iterator[Check]:
    """What the kernel does of the faults, said by a container that tries each."""
    spec = Service(name="features", image=LAB, command=("features",), cap_add=("NET_ADMIN",))
    config = containers.service(
        spec, network="none", address=None, environment={}, stdin=False,
        labels=Labels(run=run).of(()), api=client.api_version, name=f"labctl-{run}-features",
    )  # fmt: skip
    with engine_errors("trying the kernel's features"):
        container = client.create_container(**config)["Id"]
        stream = client.attach(container, stdout=True, stderr=False, stream=True, logs=False)
        client.start(container)
        said = b"".join(stream).decode("utf-8", "backslashreplace")
    for line in said.splitlines():
        event = json.loads(line)
        if event["event"] == "feature":
            found = event["detail"]
            yield Check(
                name=found["name"],
                state=State.OK if found["works"] else State.LIMITED,
                seen="works" if found["works"] else found["why"],
                hint="" if found["works"] else "scenarios that need it will end as an error",
            )


def _isolation(
    client: docker.APIClient, ready: dict[str, ImageStatus], run: str
) -> Iterator[Check]:
    image = next((i for name, i in ready.items() if name != LAB), None)
    if image is None or LAB not in ready:
        yield Check(
            name="isolation",
            state=State.LIMITED,
            seen="not tried: that takes the lab's image, and one of a client",
            hint="labctl images build lab 3.13, then labctl doctor again",
        )
        return
    compose = bundled_compose()
    python = Interpreter(series=image.python, version=image.python, image=image.name)
    engine = DockerEngine(client, run=run)
    reach = isolation.try_isolation(engine, python, (load_compose(compose)["dns"],), compose)
    holes = reach.holes()
    yield Check(
        name="isolation",
        state=State.MISSING if holes else State.OK,
        seen="; ".join(holes)
        if holes
        else f"tried: none of the host's {len(reach.tried)} addresses is reached",
        hint="run untrusted clients elsewhere; a newer Docker Engine isolates better"
        if holes
        else "",
    )


def _leftovers(client: docker.APIClient, own: str) -> Check:
    """`own` is the run of this look, which goes when it ends."""
    left = {run: number for run, number in cleanup.leftovers(client).items() if run != own}
    return Check(
        name="leftovers",
        state=State.OK,
        seen=f"containers: {sum(left.values())}, runs: {len(left)}" if left else "none",
        hint="labctl clean removes what no run uses any more" if left else "",
    )
