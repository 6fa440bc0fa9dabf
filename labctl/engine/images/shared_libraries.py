"""The shared libraries that programs of this machine load."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

_LIMIT_S = 60
_LOADED = re.compile(r"\s+(?P<name>\S+)(?: => (?P<path>/\S+|not found))?(?: \(0x[0-9a-f]+\))?")
_LOADED_BY_NAME = (
    "libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2", "libgcc_s.so.1",
    "libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1", "libm.so.6",
)  # fmt: skip
"""What the C library opens by itself, for name look-ups and the end of threads; and its parts that
modules of wheels are linked to, though this machine's interpreters may not be.
"""


class NoLibraries(Exception):
    """Why the libraries can't be told: half a sentence."""


def loaded_by(programs: Iterable[Path]) -> dict[str, Path]:
    """Run ldd, and return the path of each library that these programs and modules load, by name;
    the loader, too. A library that is missing is left out.
    """
    try:
        done = subprocess.run(
            ["ldd", *programs],
            capture_output=True, text=True, timeout=_LIMIT_S, check=False,
            env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise NoLibraries(f"ldd does not run ({error})") from None
    found = parse(done.stdout)
    if not found:
        raise NoLibraries(f"ldd found no libraries: {done.stderr.strip() or done.stdout.strip()}")
    return found | _by_name({path.parent for path in found.values()})


def parse(said: str) -> dict[str, Path]:
    """Return the paths of the libraries that ldd lists, by the names that programs load them by."""
    found: dict[str, Path] = {}
    for line in said.splitlines():
        match = _LOADED.fullmatch(line)
        if match is None:
            continue
        path = match["path"] or match["name"]
        if path.startswith("/"):
            found.setdefault(match["name"].rpartition("/")[2], Path(path))
    return found


def _by_name(folders: set[Path]) -> dict[str, Path]:
    """Return the libraries in these folders that glibc loads by name, by file name."""
    paths = (folder / name for folder in sorted(folders) for name in _LOADED_BY_NAME)
    return {path.name: path for path in paths if path.is_file()}
