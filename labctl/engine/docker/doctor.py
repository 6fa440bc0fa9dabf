"""What a doctor looks at on engines with Docker's API alone."""

from __future__ import annotations

from collections.abc import Iterator

import docker

from labctl.engine.docker.connect import sdk_errors
from labctl.engine.docker.dialect import dialect_of
from labctl.engine.runtime import doing
from labctl.model.check import Check, CheckState

_OLDEST_API = (1, 41)


def checks(client: docker.APIClient) -> Iterator[Check]:
    """Check the engine's version."""
    yield _version(client)


def _version(client: docker.APIClient) -> Check:
    """Ask the engine for its version, and return whether it is new enough."""
    with doing("asking the engine for its version"), sdk_errors():
        version = client.version()
    is_old = tuple(int(part) for part in version["ApiVersion"].split(".")) < _OLDEST_API
    return Check(
        name="engine",
        state=CheckState.LIMITED if is_old else CheckState.OK,
        seen=f"{dialect_of(version).title} {version['Version']} (API {version['ApiVersion']}), "
        f"kernel {version.get('KernelVersion', 'unknown')}",
        hint="labctl is tried on Docker Engine 20.10 and later, and on Podman 4.3 and later"
        if is_old
        else "",
    )
