"""Records of the labs that a user has on this machine: who else would know of them?

A lab ends with the process that made it, unless it is kept. So that other processes can list and
end it, a file in the user's runtime folder tells what it is.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import stat
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from labctl.engine.process import Life, life_of

_PATIENCE_S = 10.0
_PAUSE_S = 0.02


@dataclass(frozen=True, kw_only=True)
class LabRecord:
    """A lab: its network's name, the process that ends after it, and its labels. `containers` are
    the labels of its containers, by their ids.
    """

    network: str
    pid: int
    process: str
    """The text of that process (labctl.engine.process): ids are used again."""
    labels: Mapping[str, str]
    containers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def default_folder() -> Path:
    """Return the folder of the user's records: in XDG_RUNTIME_DIR, or else in /run/user or /tmp."""
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    uid = os.getuid()
    places = [Path(given)] if given.startswith("/") else []
    places += [Path("/run") if uid == 0 else Path(f"/run/user/{uid}")]
    for place in places:
        if _is_own(place):
            return place / "labctl"
    return Path(tempfile.gettempdir(), f"labctl-{uid}")


class Records:
    """The records in a folder. That nothing can be written there, only `clean` would notice."""

    def __init__(self, folder: Path | None = None) -> None:
        """Take the folder; without one, it is the user's own."""
        self._folder = default_folder() if folder is None else folder

    def write(self, record: LabRecord) -> None:
        """Write a record, in place of an earlier one of the same lab. There is no other file at any
        time, which would stay where this process is killed.
        """
        data = json.dumps(asdict(record)).encode()
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _is_own(self._folder):
                return
            while not _written(self._place(record.network), data):
                pass

    def remove(self, network: str) -> None:
        """Remove the record of a lab."""
        with contextlib.suppress(OSError):
            self._place(network).unlink(missing_ok=True)

    def all(self) -> list[LabRecord]:
        """Return the records of labs that are there; those of others are removed."""
        found = []
        with contextlib.suppress(OSError):
            if not _is_own(self._folder):
                return []
            for place in sorted(self._folder.glob("*.json")):
                if (record := _read(place)) is None:
                    continue
                if life_of(record.process) is Life.ENDED:
                    self.remove(record.network)
                else:
                    found.append(record)
        return found

    def _place(self, network: str) -> Path:
        """Return the file of a lab's record."""
        return self._folder / f"{network}.json"


def _is_own(folder: Path) -> bool:
    """Tell whether a folder is one of this user's, to which nobody else can write."""
    try:
        about = folder.lstat()
    except OSError:
        return False
    others = stat.S_IWGRP | stat.S_IWOTH
    return (
        stat.S_ISDIR(about.st_mode)
        and about.st_uid == os.getuid()
        and not about.st_mode & others
        and os.access(folder, os.W_OK)
    )


def _written(place: Path, data: bytes) -> bool:
    """Write a file while nobody reads it, and tell whether it is still there."""
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(data)
        file.truncate(len(data))
        return _is_at(place, descriptor)


def _is_at(place: Path, descriptor: int) -> bool:
    """Tell whether an open file is that of a path."""
    with contextlib.suppress(FileNotFoundError):
        return place.stat().st_ino == os.fstat(descriptor).st_ino
    return False


def _read(place: Path) -> LabRecord | None:
    """Read a record while nobody writes it; None if it is another user's, or one of a labctl that
    records otherwise. One that was not written to its end is removed: whoever wrote it was killed.
    """
    try:
        with place.open(encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_uid != os.getuid():
                return None
            fcntl.flock(file, fcntl.LOCK_SH)
            try:
                return LabRecord(**json.load(file))
            except ValueError:
                if _is_at(place, file.fileno()):
                    place.unlink()
                return None
    except (OSError, TypeError):
        return None


def end_lab(record: LabRecord) -> bool:
    """End a lab by its record, and return whether it has gone. It is asked to end once. One that is
    not seen from here, since it is in another container, can't be ended.
    """
    deadline = time.monotonic() + _PATIENCE_S
    if life_of(record.process) is Life.RUNS:
        with contextlib.suppress(ProcessLookupError):
            os.kill(record.pid, signal.SIGTERM)
    while life_of(record.process) is Life.RUNS:
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE_S)
    return life_of(record.process) is Life.ENDED
