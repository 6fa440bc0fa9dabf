"""Bases made with mmdebstrap from a Debian mirror: CPython and what it needs, and no shell."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from labctl.engine import sessions
from labctl.engine.id_ranges import has_id_range
from labctl.engine.images.builder import Builder
from labctl.engine.images.names import ImageTarget
from labctl.engine.images.origins import Base, Unavailable, base_key, require_same_machine

RELEASES = {"3.9": "bullseye", "3.11": "bookworm", "3.13": "trixie", "3.14": "forky"}
"""Which release has which Python."""

_DATELESS = frozenset({"forky"})
"""Not released yet: a mirror's copy of it may be past its date."""
_PACKAGES = "python{0}-minimal,libpython{0}-stdlib,base-files,ca-certificates,netbase"
_OWN_ID_ONLY = (
    "--mode=chrootless",
    # A user's umask takes from these what all may do.
    '--extract-hook=chmod 1777 "$1/tmp" "$1/var/tmp"',
)
"""What mmdebstrap needs to be told by a user who has no ids but the own one. No program of the base
is run, so it doesn't matter that it is no root of its own then.
"""
_LIMIT_S = 900
_CHUNK = 1024 * 1024


class Debian:
    """The origin `debian`."""

    name = "debian"

    def recipe(self, target: ImageTarget) -> str:
        """Return the command that makes the base; empty if no Debian release has that Python."""
        if target.series not in RELEASES:
            return ""
        return " ".join(command(target))

    def supply(self, target: ImageTarget, builder: Builder) -> Base:
        """Run mmdebstrap for the target (4 to 40 s), import the file system on the engine, and
        return the base. Raise Unavailable if that is not possible.
        """
        if target.series not in RELEASES:
            raise Unavailable(f"no Debian release has Python {target.series}")
        require_same_machine(builder)
        interpreter = f"/usr/bin/python{target.series}"
        key = base_key(self, target)
        if base := builder.find_base(key):
            return Base(id=base, interpreter=interpreter)
        if shutil.which("mmdebstrap") is None:
            raise Unavailable("mmdebstrap is not installed (apt-get install mmdebstrap)")
        with tempfile.TemporaryFile() as tar:
            builder.report(f"debian: unpacking {RELEASES[target.series]}", None)
            _unpack(target, tar, builder)
            tar.seek(0)
            builder.report("debian: importing", None)
            return Base(id=builder.import_base(chunks(tar), key), interpreter=interpreter)


def command(target: ImageTarget) -> list[str]:
    """Return the command that writes the base's file system to stdout as a tar archive. It is the
    same for every user: a part of the recipe.
    """
    release = RELEASES[target.series]
    packages = _PACKAGES.format(target.series) + (",nftables" if target.kind == "lab" else "")
    dateless = ['--aptopt=Acquire::Check-Valid-Until "false"'] if release in _DATELESS else []
    # `extract` unpacks the packages and runs none of their scripts, which would need a shell.
    return ["mmdebstrap", "--variant=extract", f"--include={packages}", *dateless, release, "-"]


def command_of_user(target: ImageTarget) -> list[str]:
    """Return the command as this user has to run it: where root or a range of ids is missing, with
    options that do without.
    """
    program, *options = command(target)
    is_enough = _is_root() or has_id_range()
    return [program, *(() if is_enough else _OWN_ID_ONLY), *options]


def _is_root() -> bool:
    """Tell whether mmdebstrap runs as root; where there is none, it does not run at all."""
    return sys.platform == "win32" or os.geteuid() == 0


def _environment() -> dict[str, str]:
    """Return the environment of mmdebstrap. With a range of ids, it works as one of these, who may
    not enter a private folder for temporary files: then it takes its usual one.
    """
    is_private = not _is_root() and has_id_range() and not _all_may_enter(tempfile.gettempdir())
    return {name: value for name, value in os.environ.items() if not is_private or name != "TMPDIR"}


def _all_may_enter(folder: str) -> bool:
    """Tell whether every user may enter a folder."""
    path = Path(folder).resolve()
    return all(one.stat().st_mode & stat.S_IXOTH for one in (path, *path.parents))


def chunks(file: IO[bytes]) -> Iterator[bytes]:
    """Read a file from its current position on, in pieces, and yield them."""
    while chunk := file.read(_CHUNK):
        yield chunk


def _unpack(target: ImageTarget, tar: IO[bytes], builder: Builder) -> None:
    """Run mmdebstrap, and write the file system that it makes to `tar`. Raise Unavailable if it
    fails.
    """
    with tempfile.TemporaryFile() as errors:
        mmdebstrap = sessions.start(
            command_of_user(target), stdout=tar, stderr=errors, environment=_environment()
        )
        with mmdebstrap as process:
            try:
                status = builder.interruption.wait_for(process, limit_s=_LIMIT_S)
            except subprocess.TimeoutExpired:
                raise Unavailable(f"mmdebstrap took more than {_LIMIT_S} s") from None
        builder.interruption.check()
        if status:
            errors.seek(0)
            raise Unavailable(_reason(errors.read().decode("utf-8", "replace"), status))


def _reason(said: str, status: int) -> str:
    """Return mmdebstrap's first error, which is the cause of the later ones."""
    errors = [line[2:].strip() for line in said.splitlines() if line.startswith("E:")]
    return f"mmdebstrap failed: {errors[0] if errors else f'exit status {status}'}"
