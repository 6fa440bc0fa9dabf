"""What this process may do about users and capabilities: it decides what a lab's users are."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from labctl.engine.id_ranges import own_ranges
from labctl.warden.confinement import CAPABILITIES
from labctl.warden.specs import Extent

_STATUS = Path("/proc/self/status")
_NEEDED = (
    "CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID", "SETPCAP", "NET_BIND_SERVICE",
    "NET_ADMIN", "NET_RAW", "SYS_CHROOT", "SYS_ADMIN",
)  # fmt: skip
"""What root must be able to do, so that it can have labs without a user namespace: what a warden
does, and what services ask for.
"""
_USERS = 65535
"""How many ids beside root's a lab needs, so that all ids of images are there."""


@dataclass(frozen=True, kw_only=True)
class Rights:
    """The ids of a lab's user namespace; none where a lab needs no such namespace."""

    users: tuple[Extent, ...] = ()
    groups: tuple[Extent, ...] = ()

    @property
    def are_roots(self) -> bool:
        """Whether labs are root's own."""
        return not self.users

    @property
    def has_one_user(self) -> bool:
        """Whether a lab has one user alone."""
        return len(self.users) == 1


def own_rights() -> Rights:
    """Return the rights of this process. Root's labs need no user namespace. Those of others have
    a range of ids, if the user has one that is large enough, or else the user alone.
    """
    uid, gid = os.getuid(), os.getgid()
    if uid == 0 and _may_administer():
        return Rights()
    ranges = own_ranges()
    if ranges and all(count >= _USERS for _, count in ranges):
        users, groups = (
            ((0, own, 1), (1, first, _USERS))
            for own, (first, _) in zip((uid, gid), ranges, strict=True)
        )
        return Rights(users=users, groups=groups)
    return Rights(users=((0, uid, 1),), groups=((0, gid, 1),))


def _may_administer() -> bool:
    """Tell whether this process has all capabilities that are needed."""
    needed = sum(1 << CAPABILITIES[name] for name in _NEEDED)
    with suppress(OSError):
        for line in _STATUS.read_text("ascii", "replace").splitlines():
            key, _, value = line.partition(":")
            if key == "CapEff":
                return int(value, 16) & needed == needed
    return False
