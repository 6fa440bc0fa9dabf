"""The way to a Docker engine: connected, and asked what it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from labctl.engine.docker import connect
from labctl.engine.docker.dialect import dialect_of
from labctl.engine.docker.runtime import DockerRuntime
from labctl.engine.engine_access import EngineAccess
from labctl.engine.images.docker import DockerImages
from labctl.engine.images.store import ImageStore
from labctl.engine.runtime import doing
from labctl.engines import EngineName

if TYPE_CHECKING:
    from labctl.model.check import Check


def open_docker() -> EngineAccess:
    """Connect to Docker, and return the access to it. Raise EngineError if no engine answers."""
    client = connect.connect()
    with doing("asking the engine what it is"), connect.sdk_errors():
        dialect = dialect_of(client.version())

    def checks() -> Iterator[Check]:
        from labctl.engine.docker import doctor  # noqa: PLC0415 only a doctor pays for it

        return doctor.checks(client)

    return EngineAccess(
        name=EngineName.DOCKER,
        runtime=DockerRuntime(client, dialect),
        make_images=lambda: ImageStore(DockerImages(client, dialect)),
        checks=checks,
    )
