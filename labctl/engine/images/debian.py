"""Bases made with mmdebstrap from a Debian mirror: CPython and what it needs, and no shell."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from typing import IO

from labctl.engine import sessions
from labctl.engine.images.builder import Builder
from labctl.engine.images.names import ImageTarget
from labctl.engine.images.origins import Base, Unavailable, base_key, require_same_machine

RELEASES = {"3.9": "bullseye", "3.11": "bookworm", "3.13": "trixie", "3.14": "forky"}
"""Which release has which Python."""

_DATELESS = frozenset({"forky"})
"""Not released yet: a mirror's copy of it may be past its date."""
_PACKAGES = "python{0}-minimal,libpython{0}-stdlib,base-files,ca-certificates,netbase"
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
    """Return the command that writes the base's file system to stdout as a tar archive."""
    release = RELEASES[target.series]
    packages = _PACKAGES.format(target.series) + (",nftables" if target.kind == "lab" else "")
    dateless = ['--aptopt=Acquire::Check-Valid-Until "false"'] if release in _DATELESS else []
    # `extract` unpacks the packages and runs none of their scripts, which would need a shell.
    return ["mmdebstrap", "--variant=extract", f"--include={packages}", *dateless, release, "-"]


def chunks(file: IO[bytes]) -> Iterator[bytes]:
    """Read a file from its current position on, in pieces, and yield them."""
    while chunk := file.read(_CHUNK):
        yield chunk


def _unpack(target: ImageTarget, tar: IO[bytes], builder: Builder) -> None:
    """Run mmdebstrap, and write the file system that it makes to `tar`. Raise Unavailable if it
    fails.
    """
    with tempfile.TemporaryFile() as errors:
        with sessions.start(command(target), stdout=tar, stderr=errors) as process:
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
