"""What a doctor looks at on the local engine alone: what it needs of this machine, by trying."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from ipaddress import IPv4Network

from labctl.engine.local.labs import Lab, start_lab
from labctl.engine.local.limits import DELEGATION_HINT, try_cgroups
from labctl.engine.local.rights import Rights, own_rights
from labctl.engine.local.store import LocalStore
from labctl.engine.runtime import NetworkSpec, OnNetwork, Refusal
from labctl.model.check import Check, CheckState

_OLDEST = (5, 14)
"""The kernel from which on processes are counted for each user namespace."""
_TRIED = "198.18.0.0/24"
_TRIED_HOST = "198.18.0.2"
_RANGE_HINT = (
    "install uidmap, and give the user a range: sudo usermod --add-subuids 100000-165535 "
    "--add-subgids 100000-165535 USER"
)


def checks(store: LocalStore) -> Iterator[Check]:
    """Check the kernel, the users of labs, namespaces, links, and limits."""
    rights = own_rights()
    yield _engine()
    yield _users(rights)
    try:
        lab = start_lab(store, _network())
    except Refusal as refusal:
        yield Check(
            name="namespaces", state=CheckState.MISSING, seen=refusal.message, hint=refusal.hint
        )
        return
    try:
        yield Check(
            name="namespaces",
            state=CheckState.OK,
            seen="tried: users, processes, mounts with /proc, and networks of a lab's own"
            if not rights.are_roots
            else "tried: processes, mounts with /proc, and networks of a lab's own",
        )
        yield _links(lab)
    finally:
        lab.close()
    yield _cgroups()


def _engine() -> Check:
    """Return the check of the kernel, which is what runs labs."""
    release = os.uname().release
    numbers = re.match(r"(\d+)\.(\d+)", release)
    is_old = numbers is not None and (int(numbers[1]), int(numbers[2])) < _OLDEST
    return Check(
        name="engine",
        state=CheckState.LIMITED if is_old else CheckState.OK,
        seen=f"local, kernel {release}",
        hint="processes of clients are not counted well before Linux 5.14: run none that you do "
        "not trust"
        if is_old
        else "",
    )


def _users(rights: Rights) -> Check:
    """Return the check of who a lab's users are."""
    if rights.has_one_user:
        return Check(
            name="users",
            state=CheckState.LIMITED,
            seen="a lab has one user: services that change to another one fail",
            hint=_RANGE_HINT,
        )
    seen = "labs are root's own" if rights.are_roots else "a lab has a range of users"
    return Check(name="users", state=CheckState.OK, seen=seen)


def _network() -> NetworkSpec:
    """Return a network to try."""
    subnet = IPv4Network(_TRIED)
    return NetworkSpec(
        name="doctor",
        subnet=subnet,
        gateway=str(subnet[1]),
        labels={},
    )


def _links(lab: Lab) -> Check:
    """Check a host on a network: a bridge, a pair of links, an address and a route."""
    try:
        place = OnNetwork(network="doctor", addresses=(_TRIED_HOST,), name_server="")
        lab.add_host("doctor", hostname="doctor", place=place, sysctls={})
    except Refusal as refusal:
        return Check(
            name="links",
            state=CheckState.MISSING,
            seen=f"a host cannot be put on a network: {refusal.message}",
            hint=refusal.hint or _links_hint(refusal.message),
        )
    return Check(name="links", state=CheckState.OK, seen="tried: a bridge with a host on it")


def _links_hint(message: str) -> str:
    """Return what to do where a link can't be made."""
    if os.strerror(errno.EPERM) in message:
        return "give labctl the capability NET_ADMIN, or run it as a plain user"
    return "the kernel has to know bridges and veth: as root, modprobe bridge; modprobe veth"


def _cgroups() -> Check:
    """Check the limits that cgroups set."""
    if version := try_cgroups():
        return Check(
            name="cgroups",
            state=CheckState.OK,
            seen=f"version {version}: memory, processes and processors are limited",
        )
    return Check(
        name="cgroups",
        state=CheckState.LIMITED,
        seen="none: memory is watched, which holds for accidents only; processors have no limit",
        hint=DELEGATION_HINT,
    )
