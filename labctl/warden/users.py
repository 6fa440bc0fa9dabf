"""The user namespace of a lab: who its users are outside of it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable

from labctl.warden import syscalls
from labctl.warden.files import write_file
from labctl.warden.specs import Extent, LabSpec


def enter_user_namespace(spec: LabSpec) -> None:
    """Enter the user namespace of a lab, as its root. Do nothing if the lab has none.

    A user may map the own id. More than that takes the programs newuidmap and newgidmap, which
    look into /etc/subuid and /etc/subgid; a child runs them once the namespace is there.
    """
    if not spec.has_user_namespace:
        return
    if spec.has_one_user:
        syscalls.unshare(syscalls.NEW_USERS)
        map_own_ids(spec.users[0], spec.groups[0])
        return
    waiting, going = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(going)
        os.read(waiting, 1)
        os._exit(_map_ids(parent, spec))
    os.close(waiting)
    try:
        syscalls.unshare(syscalls.NEW_USERS)
    finally:
        os.close(going)
        _, status = os.waitpid(child, 0)
    if status:
        raise OSError(errno.EPERM, "the ids could not be mapped", "newuidmap and newgidmap")


def map_own_ids(users: Extent, groups: Extent) -> None:
    """Map this process's own ids in the user namespace that it is in."""
    write_file("/proc/self/setgroups", "deny")
    write_file("/proc/self/uid_map", _line(users))
    write_file("/proc/self/gid_map", _line(groups))


def _map_ids(pid: int, spec: LabSpec) -> int:
    """Map the ids of another process's user namespace, and return 0 if that is done."""
    for program, extents in (("newuidmap", spec.users), ("newgidmap", spec.groups)):
        numbers = [str(number) for extent in extents for number in extent]
        try:
            status = os.spawnvp(os.P_WAIT, program, [program, str(pid), *numbers])
        except OSError:
            return 1
        if status:
            return 1
    return 0


def _line(extent: Iterable[int]) -> str:
    """Return the line for a range of ids."""
    return " ".join(map(str, extent))
