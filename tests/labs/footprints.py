"""What the labs of one owner have on an engine, and what must not stay there."""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker

from labctl.engine import labels
from labctl.engine.local.records import default_folder as records_folder
from labctl.engine.local.store import default_folder as images_folder
from labctl.engine.process import Life, life_of

_CGROUPS = Path("/sys/fs/cgroup")
_OF_A_LAB = re.compile(r"labctl-\d+-(\d+)-[0-9a-f]+")
_MOMENT_S = 2.0
"""What another process has left that was killed just now goes by itself within this time."""
_WARDEN = "labctl/warden/"
_PARTS = {"tap": "tap", "host": "services", "script": "service", "__main__.py": "client"}
"""What a container's command has in it, and what the container is."""


class Footprint(ABC):
    """What the labs of one owner have on the engine."""

    def __init__(self, owner: str) -> None:
        self.owner = owner

    @abstractmethod
    def containers(self) -> list[str]:
        """Their names, which say what they are: with `services`, `-tap-` or `-client-` in them."""

    @abstractmethod
    def networks(self) -> list[str]:
        """Their names."""

    @abstractmethod
    def all(self) -> list[str]:
        """The names of all that is there; empty where the engine is clean."""


class DockerFootprint(Footprint):
    """What is on Docker, or on an engine that is asked in the same way."""

    def __init__(self, engine: docker.APIClient, owner: str) -> None:
        super().__init__(owner)
        self._engine = engine

    @property
    def _chosen(self) -> dict[str, str]:
        return {"label": f"{labels.OWNER}={self.owner}"}

    def containers(self) -> list[str]:
        """Their names, whether they run or not."""
        found = self._engine.containers(all=True, filters=self._chosen)
        return [name.strip("/") for container in found for name in container["Names"]]

    def networks(self) -> list[str]:
        return [network["Name"] for network in self._engine.networks(filters=self._chosen)]

    def _volumes(self) -> list[str]:
        found = self._engine.volumes(filters=self._chosen)["Volumes"] or ()
        return [volume["Name"] for volume in found]

    def all(self) -> list[str]:
        return [*self.containers(), *self.networks(), *self._volumes()]


class LocalFootprint(Footprint):
    """What is on the local engine: processes, records, and what the kernel and the disk have."""

    def containers(self) -> list[str]:
        """The programs that a warden has started, each with its lab and its process."""
        return [
            f"{labels_of.get(labels.LAB, 'lab')}-{_part(pid)}-{pid}"
            for warden, labels_of in self._wardens().items()
            for pid in _children(warden)
        ]

    def _wardens(self) -> dict[int, dict[str, str]]:
        """The wardens themselves, the first processes of labs; and the labels of each lab."""
        by_stub = {one["pid"]: one["labels"] for one in self._records()}
        return {
            pid: by_stub.get(stub, {}) for stub in self._stubs() for pid in _children(stub)
        }  # fmt: skip

    def _stubs(self) -> list[int]:
        """The processes that labctls of this owner have started for labs."""
        own = set(self._holders())
        return [pid for pid in own if _parent(pid) not in own]

    def _holders(self) -> Iterator[int]:
        """Stubs and wardens: what runs our program, with our owner's name in its environment."""
        for pid in _processes():
            if _WARDEN in _text(pid, "cmdline") and _is_of(pid, self.owner):
                yield pid

    def _records(self) -> list[dict[str, Any]]:
        """The records of labs. Those of labs that have gone, the next labctl that looks removes."""
        found = []
        for place in records_folder().glob("*.json"):
            with suppress(OSError, ValueError):
                found.append(json.loads(place.read_text("utf-8")))
        own = [one for one in found if one["labels"].get(labels.OWNER) == self.owner]
        return [one for one in own if life_of(one["process"]) is Life.RUNS]

    def networks(self) -> list[str]:
        return [one["network"] for one in self._records()]

    def all(self) -> list[str]:
        return [
            *self.containers(),
            *(f"process {pid}: {_text(pid, 'cmdline')}" for pid in self._holders()),
            *(f"record {name}" for name in self.networks()),
            *self._cgroups(),
            *_settled(unfinished),
            *_settled(_no_records),
            *_mounts(),
        ]

    def _cgroups(self) -> list[str]:
        """The cgroups of labs whose labctl is this owner's. Whose an empty one was whose labctl has
        ended, nobody knows: all of them go after a moment.
        """
        own = [
            str(place)
            for place, pid in _cgroups_of_labs()
            if pid == os.getpid() or _is_of(pid, self.owner)
        ]
        return own + _settled(_empty_cgroups)


def _empty_cgroups() -> Iterator[str]:
    """Cgroups of labs whose labctl has ended, without a process: labs that are kept have some."""
    for place, pid in _cgroups_of_labs():
        with suppress(OSError):
            files = [place / "cgroup.procs", *place.rglob("cgroup.procs")]
            if not _is_there(pid) and not any(file.read_text("ascii") for file in files):
                yield str(place)


def _settled(look: Callable[[], Iterable[str]]) -> list[str]:
    """What can be seen as long as a moment: others, too, make and end labs on this machine."""
    seen = set(look())
    deadline = time.monotonic() + _MOMENT_S
    while seen and time.monotonic() < deadline:
        time.sleep(0.05)
        seen &= set(look())
    return sorted(seen)


def _cgroups_of_labs() -> Iterator[tuple[Path, int]]:
    """The cgroups that are called as those of labs are, and the process in the name."""
    for folder, names, _ in os.walk(_CGROUPS):
        for name in names:
            if found := _OF_A_LAB.fullmatch(name):
                yield Path(folder, name), int(found[1])


def _no_records() -> Iterator[str]:
    """Files beside records, which nobody would remove."""
    for place in _entries(records_folder()):
        if place.suffix != ".json":
            yield str(place)


def unfinished() -> Iterable[str]:
    """Folders of images in the making that nobody works at."""
    for place in _entries(images_folder() / "making"):
        with suppress(FileNotFoundError, BlockingIOError), (place / "maker").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield str(place)


def _mounts() -> list[str]:
    """What is mounted in the folder of images, as this process sees it."""
    folder = f"{images_folder()}/"
    lines = Path("/proc/self/mountinfo").read_text("utf-8").splitlines()
    return [line for line in lines if line.split()[4].startswith(folder)]


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []


def _processes() -> list[int]:
    return [int(place.name) for place in _entries(Path("/proc")) if place.name.isdigit()]


def _text(pid: int, name: str) -> str:
    """A file of a process's, with spaces between its parts; empty if the process has ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/{name}").read_text("utf-8", "replace").replace("\0", " ")
    return ""


def _is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _is_of(pid: int, owner: str) -> bool:
    """Whether a process has the owner's name in its environment."""
    return f"{labels.OWNER_VARIABLE}={owner}" in _text(pid, "environ").split()


def _parent(pid: int) -> int:
    """The parent of a process; 0 if the process has ended."""
    fields = _text(pid, "stat").rpartition(")")[2].split()
    return int(fields[1]) if fields else 0


def _children(pid: int) -> list[int]:
    return [int(child) for child in _text(pid, f"task/{pid}/children").split()]


def _part(pid: int) -> str:
    """What a program of a lab is."""
    words = [Path(word).name for word in _text(pid, "cmdline").split()]
    if _WARDEN in _text(pid, "cmdline"):
        return "starting"
    return next((_PARTS[word] for word in words if word in _PARTS), (words or ["ended"])[-1])
