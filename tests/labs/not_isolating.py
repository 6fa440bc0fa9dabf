"""Run labctl on Docker as on an engine that does not isolate networks: the host has an address in
each, as it has with Podman.

`python -m tests.labs.not_isolating run refused-port` runs a scenario there. With LAB_TEST_RULES
set to `none`, taps get rules that let everything pass.
"""

from __future__ import annotations

import os
from dataclasses import replace

from labctl.engine import access, container_engine
from labctl.engine.access import EngineAccess
from labctl.engine.docker.connect import connect
from labctl.engine.docker.dialect import DOCKER
from labctl.engine.docker.runtime import DockerRuntime

NO_RULES = "table inet labctl { }"
"""Rules that let everything pass."""
_DIALECT = replace(DOCKER, isolates_networks=False)


def open_engine() -> EngineAccess:
    """Open Docker, and return the access to it as to such an engine."""
    return replace(_open_docker(), runtime=DockerRuntime(connect(), _DIALECT))


_open_docker = access.ENGINES["docker"]

if __name__ == "__main__":
    access.ENGINES = {"docker": open_engine}
    if os.environ.get("LAB_TEST_RULES") == "none":
        setattr(container_engine, "tap_rules", lambda _subnet: NO_RULES)  # noqa: B010 a name that it imports
    # After the change, which it must meet.
    from labctl.__main__ import main

    main()
