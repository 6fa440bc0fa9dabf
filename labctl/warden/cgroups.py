"""The cgroups of a lab (cgroups(7)), of either version: limits and counters for each program.

They take memory, pids and cpu together. Root has them where the system has them; a user, where the
system has delegated a cgroup of version 2.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from labctl.warden.files import write_file
from labctl.warden.specs import ProgramSpec

_NEEDED = frozenset({"memory", "pids", "cpu"})
_USED = _NEEDED | {"cpuacct"}
_DELEGATED = "user.delegate"
"""The attribute that systemd gives to cgroups that it leaves to others."""
_STALE = re.compile(r"labctl-(\d+)-(\d+)-[0-9a-f]+")
_ESCAPED = re.compile(r"\\([0-7]{3})")
_TRIES = 5
_LEAF = "labctl"
"""The cgroup that the processes of a delegated cgroup are moved to: one with others below it may
hold none itself.
"""
_PERIOD_US = 100_000
_PATIENCE_S = 10.0
_PAUSE_S = 0.005


class Hierarchy(NamedTuple):
    """A hierarchy of cgroups: a folder in it, and its controllers. That of version 2 is unified."""

    folder: str
    controllers: frozenset[str]
    is_unified: bool

    def below(self, name: str) -> Hierarchy:
        """Return the same hierarchy at a folder further down."""
        return self._replace(folder=f"{self.folder}/{name}")


def own_hierarchies() -> list[Hierarchy]:
    """Return the hierarchies that this process may make cgroups in, at the place for them. Return
    none if they don't have all that is needed.
    """
    with contextlib.suppress(OSError):
        found = list(_hierarchies())
        together = frozenset[str]().union(*(one.controllers for one in found))
        if together >= _NEEDED and all(_is_ours(one) for one in found):
            return found
    return []


def _is_ours(hierarchy: Hierarchy) -> bool:
    """Tell whether this process may use a cgroup: root all that it can write to, and users those
    that systemd has delegated, and so left alone.
    """
    if not os.access(hierarchy.folder, os.W_OK):
        return False
    if os.getuid() == 0:
        return True
    try:
        return os.getxattr(hierarchy.folder, _DELEGATED) == b"1"
    except OSError:
        return False


def _hierarchies() -> Iterator[Hierarchy]:
    """Yield the hierarchies with controllers that are used, by /proc/self/cgroup."""
    mounts = list(_mounts())
    with open("/proc/self/cgroup", encoding="utf-8") as lines:
        for line in lines:
            _, names, path = line.rstrip("\n").split(":", 2)
            for root, place, kind, options in mounts:
                is_unified = not names
                if kind != ("cgroup2" if is_unified else "cgroup"):
                    continue
                if not is_unified and not {*names.split(",")} <= {*options.split(",")}:
                    continue
                folder = _inside(place, root, path, is_unified=is_unified)
                if ".." in folder.split("/"):
                    break  # it is outside of what is mounted here
                controllers = _controllers(folder) if is_unified else frozenset(names.split(","))
                if controllers & _USED:
                    yield Hierarchy(folder, controllers & _USED, is_unified)
                break


def _mounts() -> Iterator[tuple[str, str, str, str]]:
    """Yield what each file system shows as its root, where it is, its kind and its options."""
    with open("/proc/self/mountinfo", encoding="utf-8") as lines:
        for line in lines:
            first, _, last = line.rstrip("\n").partition(" - ")
            # The source of a file system may be empty.
            fields, (kind, _, options) = first.split(), last.split(" ", 2)
            yield _plain(fields[3]), _plain(fields[4]), kind, options


def _plain(path: str) -> str:
    """Return a path as it is: in the kernel's lists, spaces and the like are octal (proc(5))."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), path)


def _inside(place: str, root: str, path: str, *, is_unified: bool) -> str:
    """Return the folder to make cgroups in: the top one of the unified hierarchy for root."""
    if is_unified and os.getuid() == 0:
        return place
    below = path.removeprefix(root) if root != "/" else path
    if is_unified:
        below = below.removesuffix(f"/{_LEAF}")
    return f"{place}/{below.strip('/')}".rstrip("/")


def _controllers(folder: str) -> frozenset[str]:
    """Return the controllers that cgroups of the unified hierarchy can have below a folder."""
    return frozenset(_read(f"{folder}/cgroup.controllers").split())


def new_name() -> str:
    """Return a name for the cgroups of a lab of this process: with its id, and the PID namespace
    in which it has that id.
    """
    return f"labctl-{_pid_namespace()}-{os.getpid()}-{os.urandom(4).hex()}"


def _pid_namespace() -> int:
    """Return the number of this process's PID namespace."""
    return os.stat("/proc/self/ns/pid").st_ino


def begin(name: str) -> list[Hierarchy]:
    """Make the cgroups of a lab, and return them. Return none where that is not possible."""
    made: list[Hierarchy] = []
    try:
        for hierarchy in own_hierarchies():
            _remove_stale(hierarchy)
            os.mkdir(hierarchy.below(name).folder)
            made.append(hierarchy.below(name))
            if hierarchy.is_unified:
                _enable(hierarchy)
                _enable(made[-1])
    except OSError:
        end(made)
        return []
    return made


def _enable(hierarchy: Hierarchy) -> None:
    """Let the cgroups below a folder of the unified hierarchy have the controllers."""
    needed = hierarchy.controllers & _NEEDED
    place = f"{hierarchy.folder}/cgroup.subtree_control"
    if {*_read(place).split()} >= needed:
        return
    for tries_left in reversed(range(_TRIES)):
        try:
            write_file(place, " ".join(f"+{name}" for name in sorted(needed)))
        except OSError as error:
            # A process may come while others are moved. What is not delegated stays as it is.
            if error.errno != errno.EBUSY or os.getuid() == 0 or not tries_left:
                raise
            _move_processes(hierarchy.folder)
        else:
            return


def _move_processes(folder: str) -> None:
    """Move the processes of a cgroup to one below it."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(f"{folder}/{_LEAF}")
    for pid in _read(f"{folder}/cgroup.procs").split():
        with contextlib.suppress(ProcessLookupError):
            write_file(f"{folder}/{_LEAF}/cgroup.procs", pid)


def remove_stale() -> None:
    """Remove what labs have left whose labctl and stub were killed together."""
    for hierarchy in own_hierarchies():
        _remove_stale(hierarchy)


def _remove_stale(hierarchy: Hierarchy) -> None:
    """Remove what labs have left in a hierarchy. Those of other PID namespaces, as of containers
    that share it, are left: whether their processes have ended, nobody can see from here.
    """
    here = str(_pid_namespace())
    for name in os.listdir(hierarchy.folder):
        found = _STALE.fullmatch(name)
        if found and found[1] == here and not os.path.exists(f"/proc/{found[2]}"):
            for folder, _, _ in os.walk(f"{hierarchy.folder}/{name}", topdown=False):
                with contextlib.suppress(OSError):  # something is still in it
                    os.rmdir(folder)


def end(hierarchies: Sequence[Hierarchy]) -> None:
    """Remove the cgroups of a lab, with those below them, as soon as their processes have gone."""
    for hierarchy in hierarchies:
        for folder, _, _ in os.walk(hierarchy.folder, topdown=False):
            _remove(folder)


def _remove(folder: str) -> None:
    """Remove a cgroup. The kernel may need a moment for its last process."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            os.rmdir(folder)
        except FileNotFoundError:
            return
        except OSError:
            if time.monotonic() > deadline:
                return
            time.sleep(_PAUSE_S)
        else:
            return


class Group:
    """The cgroups of one program, one in each hierarchy of the lab; none if the lab has none."""

    def __init__(self, lab: Sequence[Hierarchy], name: str, spec: ProgramSpec) -> None:
        """Make the cgroups, with the limits of the program. Raise OSError if that fails."""
        self._hierarchies = [hierarchy.below(name) for hierarchy in lab]
        for hierarchy in self._hierarchies:
            os.mkdir(hierarchy.folder)
            limits = _unified_limits(spec) if hierarchy.is_unified else _limits(spec)
            for controller, file, value in limits:
                if controller in hierarchy.controllers:
                    _limit(f"{hierarchy.folder}/{file}", value)

    @property
    def limits_memory(self) -> bool:
        """Whether the kernel limits the program's memory by them."""
        return bool(self._hierarchies)

    def join(self) -> None:
        """Move this process to them."""
        for hierarchy in self._hierarchies:
            write_file(f"{hierarchy.folder}/cgroup.procs", "0")

    def counters(self) -> dict[str, str]:
        """Return where the counters are that the program may read, by their paths in /sys."""
        found: dict[str, str] = {}
        for hierarchy in self._hierarchies:
            folder, place = hierarchy.folder, "/fs/cgroup"
            if hierarchy.is_unified:
                found |= {f"{place}/{one}": f"{folder}/{one}" for one in ("cpu.stat", _EVENTS)}
            if not hierarchy.is_unified and "cpuacct" in hierarchy.controllers:
                found[f"{place}/cpuacct/cpuacct.usage"] = f"{folder}/cpuacct.usage"
            if not hierarchy.is_unified and "memory" in hierarchy.controllers:
                found[f"{place}/memory/{_OOM}"] = f"{folder}/{_OOM}"
        return found

    def is_out_of_memory(self) -> bool:
        """Tell whether the kernel has ended a process of the program for want of memory."""
        for hierarchy in self._hierarchies:
            if "memory" in hierarchy.controllers:
                with contextlib.suppress(OSError):  # somebody else removed it
                    text = _read(f"{hierarchy.folder}/{_EVENTS if hierarchy.is_unified else _OOM}")
                    fields = dict(line.split() for line in text.splitlines())
                    return fields.get("oom_kill", "0") != "0"
        return False

    def remove(self) -> None:
        """Remove them, once the program has ended."""
        for hierarchy in self._hierarchies:
            _remove(hierarchy.folder)


_EVENTS = "memory.events"
_OOM = "memory.oom_control"


def _limits(spec: ProgramSpec) -> Iterator[tuple[str, str, str]]:
    """Yield the limits of a program in version 1: controller, file and value."""
    if spec.memory_bytes is not None:
        yield "memory", "memory.limit_in_bytes", str(spec.memory_bytes)
        yield "memory", "memory.kmem.tcp.limit_in_bytes", str(spec.memory_bytes)
        if not spec.has_swap:
            yield "memory", "memory.memsw.limit_in_bytes", str(spec.memory_bytes)
    if spec.process_limit is not None:
        yield "pids", "pids.max", str(spec.process_limit)
    if spec.cpus is not None:
        yield "cpu", "cpu.cfs_period_us", str(_PERIOD_US)
        yield "cpu", "cpu.cfs_quota_us", str(int(spec.cpus * _PERIOD_US))


def _unified_limits(spec: ProgramSpec) -> Iterator[tuple[str, str, str]]:
    """Yield the limits of a program in version 2: controller, file and value."""
    if spec.memory_bytes is not None:
        yield "memory", "memory.max", str(spec.memory_bytes)
        if not spec.has_swap:
            yield "memory", "memory.swap.max", "0"
    if spec.process_limit is not None:
        yield "pids", "pids.max", str(spec.process_limit)
    if spec.cpus is not None:
        yield "cpu", "cpu.max", f"{int(spec.cpus * _PERIOD_US)} {_PERIOD_US}"


def _limit(path: str, value: str) -> None:
    """Set a limit. A kernel that does not count swap or buffers of TCP has no file for it."""
    try:
        write_file(path, value)
    except FileNotFoundError:
        if not any(part in os.path.basename(path) for part in ("sw", "tcp")):
            raise


def _read(path: str) -> str:
    """Read a file of a cgroup, and return its text."""
    with open(path, encoding="ascii") as file:
        return file.read()
