"""What all parts of the benchmark share: the engine, the labels, the images, the scenario."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import docker

from labctl.engine import cleanup
from labctl.engine.access import EngineAccess, open_named
from labctl.engine.container_engine import ContainerEngine
from labctl.engine.docker.connect import connect
from labctl.engine.docker.runtime import DockerRuntime
from labctl.engine.guard import guarded
from labctl.engine.images.names import LAB, client_image
from labctl.engine.labels import Labels
from labctl.engines import EngineName
from labctl.load.bundled import bundled_compose, bundled_folder
from labctl.load.catalogue import Catalogue
from labctl.model.plan import Interpreter
from labctl.model.scenario import Scenario

SCENARIO = "refused-port"
ATTEMPT = "smtplib"
SERIES = "3.13"
LABCTL = (sys.executable, "-m", "labctl")


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One run of the benchmark. All that it makes on the engine has its labels."""

    client: docker.APIClient
    run: str
    interpreter: Interpreter
    lab_image: str
    local: Interpreter
    """The one that clients have on the local engine."""
    scenario: Scenario
    as_user: tuple[str, ...] = ()
    """The command that runs labctl as an ordinary user; empty: there is none."""

    @property
    def labels(self) -> dict[str, str]:
        """For what is made to compare with; what labctl makes has labels that name the scenario."""
        return Labels(run=self.run).of(["benchmark"])

    @property
    def source(self) -> str:
        """The client that every contestant runs."""
        return next(one.source for one in self.scenario.attempts if one.name == ATTEMPT)


def container_engine(access: EngineAccess, run: str) -> ContainerEngine:
    """The engine for a run, with labs that can be waited for, which other engines need not have."""
    return ContainerEngine(access.runtime, access.images().find, run=run)


@contextmanager
def bench(as_user: tuple[str, ...] = ()) -> Iterator[Bench]:
    """See to the images; in the end, remove whatever is left, even after being killed."""
    client = connect()
    image = client_image(SERIES)
    access = open_named(EngineName.DOCKER)
    images = access.images().ensure([LAB, image])
    local = open_named(EngineName.LOCAL).images().ensure([LAB, image])
    run = f"bench-{secrets.token_hex(3)}"
    with guarded(access, run):
        # Compose takes the image by the name that the Compose file has for it.
        client.tag(images[LAB].reference, LAB.partition(":")[0], LAB.partition(":")[2])
        try:
            yield Bench(
                client=client,
                run=run,
                interpreter=images[image].interpreter(SERIES),
                lab_image=images[LAB].reference,
                local=local[image].interpreter(SERIES),
                scenario=Catalogue([bundled_folder("scenarios")], bundled_compose()).load(SCENARIO),
                as_user=as_user,
            )
        finally:
            cleanup.sweep(DockerRuntime(client), run)
            if images[LAB].reference != LAB:
                client.remove_image(LAB)
