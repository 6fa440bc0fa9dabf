"""What keeps labs from starting on this machine, and what to do about it. Pure but for looking."""

from __future__ import annotations

import os
from pathlib import Path

_APPARMOR = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
_MOST = Path("/proc/sys/user/max_user_namespaces")
_DEBIAN = Path("/proc/sys/kernel/unprivileged_userns_clone")
_CONTAINER_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))

_IN_CONTAINER = (
    "this is a container that keeps labs from starting: run labctl outside of it, or give it an "
    "engine's socket (see docs/engines.md)"
)
_NO_RIGHTS = "run labctl as root, or use Docker"


def hint_for(what: str, reason: str) -> str:
    """Return what to do about an error of a warden that could not start a lab. `what` is what it
    was doing, as it says.
    """
    if "No space left" in reason:
        return "make room, or set XDG_CACHE_HOME to a folder with more"
    if what == "unshare":
        return _about_namespaces()
    if what.startswith("mounting proc"):
        return _IN_CONTAINER if in_container() else _NO_RIGHTS
    if what.startswith("newuidmap"):
        return "see /etc/subuid and /etc/subgid, and whether newuidmap is installed (uidmap)"
    if what.startswith(("mounting", "making")) and restricts_by_apparmor():
        return _about_namespaces()
    return "run `labctl doctor --engine local`"


def _about_namespaces() -> str:
    """Return what to do where the kernel gives no namespaces to this user."""
    if restricts_by_apparmor():
        return (
            "AppArmor keeps users from namespaces: as root, set "
            "kernel.apparmor_restrict_unprivileged_userns=0 (sysctl), or run labctl as root"
        )
    if _number(_MOST) == 0:
        return "as root, set user.max_user_namespaces to 10000 (sysctl)"
    if _number(_DEBIAN) == 0 and os.getuid():
        return "as root, set kernel.unprivileged_userns_clone=1 (sysctl)"
    return _IN_CONTAINER if in_container() else _NO_RIGHTS


def restricts_by_apparmor() -> bool:
    """Tell whether AppArmor denies capabilities in namespaces of users."""
    return _number(_APPARMOR) == 1 and os.getuid() != 0


def in_container() -> bool:
    """Tell whether this process seems to be in a container."""
    return any(mark.exists() for mark in _CONTAINER_MARKS)


def _number(path: Path) -> int | None:
    """Return the number in a file of the kernel's; None if there is none."""
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None
