"""Which limits the programs of labs have on this machine, by trying."""

from __future__ import annotations

from labctl.errors import EngineError
from labctl.warden import cgroups

DELEGATION_HINT = (
    "for code that you do not trust, run labctl as root, or where systemd delegates a cgroup: "
    "systemd-run --user --scope -p Delegate=yes labctl ..."
)


def try_cgroups() -> int:
    """Return the version of the cgroups that limit programs here; 0 if there are none."""
    made = cgroups.begin(cgroups.new_name())
    cgroups.end(made)
    if not made:
        return 0
    return 2 if any(one.is_unified for one in made) else 1


def weakness() -> EngineError | None:
    """Return the warning that the memory of programs is only watched here; None if it isn't."""
    if try_cgroups():
        return None
    return EngineError(
        "memory is only watched here: a hostile submission can use up this machine's memory",
        hint=DELEGATION_HINT,
    )
