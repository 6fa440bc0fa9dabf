"""What a doctor looks at on a Docker engine alone."""

from __future__ import annotations

from collections.abc import Iterator

import docker

from labctl.engine.docker.connect import sdk_errors
from labctl.engine.runtime import doing
from labctl.model.check import Check, CheckState

_OLDEST_API = (1, 41)
_LIMITS = {"MemoryLimit": "memory", "SwapLimit": "swap", "PidsLimit": "processes"}
"""The limits that labs need, by the keys of the engine's info."""


def checks(client: docker.APIClient) -> Iterator[Check]:
    """Check the engine's version, and that it can set the limits that containers get."""
    yield _version(client)
    yield _limits(client)


def _version(client: docker.APIClient) -> Check:
    """Ask the engine for its version, and return whether it is new enough."""
    with doing("asking the engine for its version"), sdk_errors():
        version = client.version()
    is_old = tuple(int(part) for part in version["ApiVersion"].split(".")) < _OLDEST_API
    return Check(
        name="engine",
        state=CheckState.LIMITED if is_old else CheckState.OK,
        seen=f"Docker {version['Version']} (API {version['ApiVersion']}), "
        f"kernel {version.get('KernelVersion', 'unknown')}",
        hint="labctl is tried on Docker Engine 20.10 and later" if is_old else "",
    )


def _limits(client: docker.APIClient) -> Check:
    """Ask the engine whether it can limit memory, swap and processes: without limits, a bad client
    could take the machine down.
    """
    with doing("asking the engine for its limits"), sdk_errors():
        info = client.info()
    lacking = [limit for key, limit in _LIMITS.items() if not info.get(key)]
    limits = f"no limit of {', '.join(lacking)}" if lacking else "memory, swap, processes limited"
    return Check(
        name="limits",
        state=CheckState.LIMITED if lacking else CheckState.OK,
        seen=f"{info['NCPU']} CPUs; {limits}",
        hint="enable the cgroup controllers of the kernel (cgroup_enable=memory swapaccount=1)"
        if lacking
        else "",
    )
