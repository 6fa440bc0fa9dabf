"""The engines that answer Docker's API, and where they differ. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from labctl.model.result import EngineInfo


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """What labctl has to know of one kind of engine. `name` is also its command."""

    name: str
    title: str
    """What people call it."""
    lacks_name_files: bool = False
    """Whether containers that it gives no network have neither a resolv.conf nor their own name in
    /etc/hosts. Then labctl puts a resolv.conf into them, and calls those that join the namespace of
    another one `localhost`, which is there.
    """
    leaves_ipv6: bool = False
    """Whether containers that it gives no network have IPv6 all the same."""
    unknown_mount_options: frozenset[str] = field(default_factory=frozenset)
    """Those of a tmpfs that it refuses."""
    busy: re.Pattern[str]
    """What it says, with status 500, where it can remove something in a moment."""


DOCKER = Dialect(
    name="docker",
    title="Docker",
    # Of a container whose files something used at the moment of its removal: a builder that was
    # just mounting them. The container is `dead` then, until it is removed again.
    busy=re.compile("failed to remove root filesystem|unable to remove filesystem"),
)
PODMAN = Dialect(
    name="podman",
    title="Podman",
    lacks_name_files=True,
    leaves_ipv6=True,
    unknown_mount_options=frozenset({"nr_inodes"}),
    # Of a container that ends at the moment of its removal, of one that is being removed, and of
    # one whose namespaces another one still shares.
    busy=re.compile(
        "container state improper|is being removed|in use by|being used|has dependent containers"
    ),
)
_PODMAN_PART = "Podman Engine"


def dialect_of(version: Mapping[str, Any]) -> Dialect:
    """Return the dialect of an engine, by what it says of its version."""
    parts = {part.get("Name") for part in version.get("Components") or ()}
    return PODMAN if _PODMAN_PART in parts else DOCKER


def engine_info(version: Mapping[str, Any]) -> EngineInfo:
    """Return what an engine is, by what it says of its version."""
    return EngineInfo(
        name=dialect_of(version).name,
        version=version["Version"],
        kernel=version.get("KernelVersion", ""),
        architecture=version.get("Arch", ""),
    )
