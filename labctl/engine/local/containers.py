"""Container specs in the words of wardens. Pure but for the passwd file of an image."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from labctl.engine.local.store import LocalImage
from labctl.engine.runtime import ContainerSpec, Refusal
from labctl.warden.specs import ProgramSpec
from labctl.warden.tree import inside

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PASSWD_FIELDS = 7
_GROUP_FIELDS = 4
_DIGITS = 10
_NO_ID = (1 << 32) - 1
_MOST_BYTES = 1 << 20
"""How much of a file of users is read: more than any image has."""
_SHOWN = 60


def program_of(
    spec: ContainerSpec, image: LocalImage, *, root: Path, host: str, hostname: str,
    keeps_output: bool,
) -> ProgramSpec:  # fmt: skip
    """Return the program of a container, as Docker puts it together from its spec and its image.
    Raise Refusal if the image has nothing to run, or not its user.
    """
    command = (spec.entrypoint or image.entrypoint) + (
        spec.command or (() if spec.entrypoint else image.command)
    )
    if not command:
        raise Refusal("the image says no command, and its container neither")
    named = spec.user or image.user or "0"
    user, group, home = find_user(root, named)
    return ProgramSpec(
        host=host,
        root=str(root),
        command=command,
        environment={
            "PATH": _PATH,
            "HOSTNAME": hostname,
            "HOME": home,
            **image.environment,
            **spec.environment,
        },
        working_dir=spec.working_dir or image.working_dir or "/",
        user=user,
        group=group,
        groups=() if ":" in named else tuple(_groups_of(root, user)),
        hostname=hostname,
        is_root_writable=spec.is_root_writable,
        tmpfs=dict(spec.tmpfs),
        capabilities=spec.capabilities,
        can_gain_privileges=spec.can_gain_privileges,
        has_init=spec.has_init,
        keeps_output=keeps_output,
        has_shared_memory=spec.has_ipc,
        shared_memory_bytes=spec.shared_memory_bytes,
        memory_bytes=spec.memory_bytes,
        has_swap=spec.has_swap,
        process_limit=spec.process_limit,
        cpus=spec.cpus,
    )


def find_user(root: Path, text: str) -> tuple[int, int, str]:
    """Return user, group and home of `USER` or `USER:GROUP`, names or numbers, in an image. Raise
    Refusal if the image does not know a name.
    """
    name, _, group_name = text.partition(":")
    entry = next(
        (one for one in _entries(root, "passwd", _PASSWD_FIELDS) if name in (one[0], one[2])), None
    )
    if entry is None and not _is_id(name):
        raise Refusal(f"the image has no user {name[:_SHOWN]}")
    if entry is not None and not (_is_id(entry[2]) and _is_id(entry[3])):
        raise Refusal(f"the image's /etc/passwd has no numbers for the user {name[:_SHOWN]}")
    user = int(entry[2] if entry else name)
    group = int(entry[3]) if entry else 0
    home = entry[5] if entry and entry[5] else "/"
    if group_name:
        found = (one for one in _entries(root, "group", _GROUP_FIELDS) if one[0] == group_name)
        number = next((one[2] for one in found), group_name)
        if not _is_id(number):
            raise Refusal(f"the image has no group {group_name[:_SHOWN]}")
        group = int(number)
    return user, group, home


def _is_id(text: str) -> bool:
    """Tell whether a text is the number of a user or a group."""
    return text.isascii() and text.isdecimal() and len(text) <= _DIGITS and int(text) < _NO_ID


def _groups_of(root: Path, user: int) -> Iterator[int]:
    """Yield the groups that an image's user is in by its group file."""
    names = {one[0] for one in _entries(root, "passwd", _PASSWD_FIELDS) if one[2] == str(user)}
    for entry in _entries(root, "group", _GROUP_FIELDS):
        if names & {*entry[3].split(",")} and _is_id(entry[2]):
            yield int(entry[2])


def _entries(root: Path, name: str, fields: int) -> Iterator[list[str]]:
    """Yield the entries of a file such as /etc/passwd of an image; none if it has no such file."""
    with contextlib.suppress(OSError):
        path = Path(inside(str(root), f"etc/{name}"))
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES).decode("utf-8", "replace")
        for line in text.splitlines():
            entry = line.split(":")
            if len(entry) >= fields:
                yield entry
