"""What labctl asks of a warden: labs, hosts and programs. Plain data, which JSON carries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

Extent = tuple[int, int, int]
"""A range of ids in a user namespace: the first one inside, the first one outside, how many."""

_T = TypeVar("_T")


class LabSpec(NamedTuple):
    """A lab to be held. `mount` is a folder to mount the warden's own files on.

    `cgroup` is the name of its cgroups; "" for none. `users` and `groups` are the ids of its user
    namespace; it has none without them.
    """

    mount: str
    cgroup: str
    users: tuple[Extent, ...] = ()
    groups: tuple[Extent, ...] = ()

    @property
    def has_user_namespace(self) -> bool:
        """Whether the lab is in a user namespace of its own."""
        return bool(self.users)

    @property
    def has_one_user(self) -> bool:
        """Whether there is one user in it, and no other."""
        return len(self.users) == 1 and self.users[0][2] == 1


class HostSpec(NamedTuple):
    """A host of a lab: a network namespace, and files that its programs share.

    Without `addresses` it is on no network. `files` are texts by their paths.
    """

    name: str
    addresses: tuple[str, ...]
    prefix: int
    gateway: str
    sysctls: Mapping[str, str]
    files: Mapping[str, str]


class ProgramSpec(NamedTuple):
    """A program to be run on a host, with all that it may do.

    `root` is the folder of its image. `memory_bytes`, `process_limit` and `cpus` are None where
    there is no limit.
    """

    host: str
    root: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    working_dir: str
    user: int
    group: int
    groups: tuple[int, ...]
    hostname: str
    is_root_writable: bool
    tmpfs: Mapping[str, str]
    """Mount options by path."""
    capabilities: tuple[str, ...] = ()
    can_gain_privileges: bool = False
    has_init: bool = False
    keeps_output: bool = False
    """Whether the warden reads what it writes once labctl has gone."""
    has_shared_memory: bool = False
    shared_memory_bytes: int | None = None
    memory_bytes: int | None = None
    has_swap: bool = True
    process_limit: int | None = None
    cpus: float | None = None
    writes_image: bool = False
    """Whether it writes to the image's own folder, as the steps of a build do."""


class CommandSpec(NamedTuple):
    """A command to be run beside a program, in its namespaces and with its rights."""

    command: tuple[str, ...]


def made_from(kind: type[_T], told: Mapping[str, Any]) -> _T:
    """Return a spec of this kind that JSON has carried: its lists are tuples."""
    return kind(**{name: _frozen(value) for name, value in told.items()})


def _frozen(value: Any) -> Any:
    """Return a value with tuples in place of lists."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
