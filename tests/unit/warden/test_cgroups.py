"""Where cgroups are made, by what the kernel says of both versions, and the limits in them."""

from __future__ import annotations

import errno
import io
import os
import subprocess
from pathlib import Path
from typing import IO, Any

import pytest

from labctl.warden import cgroups
from labctl.warden.cgroups import (
    Group,
    Hierarchy,
    begin,
    end,
    new_name,
    own_hierarchies,
    remove_stale,
)
from labctl.warden.specs import ProgramSpec

NEEDED = frozenset({"memory", "pids", "cpu"})
USER = "/user.slice/user-1000.slice/user@1000.service"
PLAIN = ProgramSpec(
    host="h", root="/", command=("true",), environment={}, working_dir="/", user=0, group=0,
    groups=(), hostname="n", is_root_writable=True, tmpfs={},
)  # fmt: skip
LIMITED = PLAIN._replace(memory_bytes=1 << 27, process_limit=100, cpus=1.5, has_swap=False)


class Machine:
    """What the kernel says of the cgroups of this process, and folders that stand for them."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._patch = patch
        self._groups: list[str] = []
        self._mounts = ["22 27 0:21 / /proc rw,relatime - proc proc rw"]
        patch.setattr(cgroups, "open", self._open, raising=False)
        self.delegated: list[Path] = []
        patch.setattr(os, "getxattr", self._getxattr)
        self.is_user(0)

    def _getxattr(self, path: str, name: str) -> bytes:
        if name == "user.delegate" and Path(path) in self.delegated:
            return b"1"
        raise OSError(errno.ENODATA, os.strerror(errno.ENODATA), path)

    def _open(self, path: str, mode: str = "r", **options: Any) -> IO[Any]:
        texts = {"/proc/self/cgroup": self._groups, "/proc/self/mountinfo": self._mounts}
        if path in texts:
            return io.StringIO("".join(f"{line}\n" for line in texts[path]))
        return open(path, mode, **options)  # noqa: PTH123 so does what is tested

    def is_user(self, uid: int) -> None:
        self._patch.setattr(os, "getuid", lambda: uid)

    def is_in(self, *lines: str) -> None:
        """The lines of /proc/self/cgroup."""
        self._groups[:] = lines

    def mount(self, name: str, kind: str, options: str = "rw", *, root: str = "/") -> Path:
        """Mount a hierarchy in a folder of this name, with `root` of it on top."""
        place = self.folder / name
        place.mkdir(exist_ok=True)
        self._mounts.append(
            f"40 31 0:40 {root} {place} rw,nosuid shared:4 master:1 - {kind} {kind} {options}"
        )
        return place

    def mounts(self, line: str) -> None:
        self._mounts.append(line)

    def escape_spaces(self) -> None:
        """Write the last mount as the kernel does, whose place has a space in its name."""
        self._mounts[-1] = self._mounts[-1].replace("a place", r"a\040place")

    def unified(self, name: str, controllers: str, *below: str, root: str = "/") -> Path:
        """Mount the hierarchy of version 2, with cgroups below it that have these controllers."""
        place = self.mount(name, "cgroup2", root=root)
        for folder in (place, *(place / path.strip("/") for path in below)):
            cgroup(folder, controllers)
        return place

    def version_1(self, *, path: str = "/") -> None:
        """Mount what a machine with version 1 has."""
        for name in ("memory", "pids", "cpu,cpuacct", "freezer"):
            self.mount(name, "cgroup", f"rw,{name}")
            (self.folder / name / path.strip("/")).mkdir(parents=True, exist_ok=True)
        self.mount("systemd", "cgroup", "rw,xattr,name=systemd")
        self.is_in(
            "12:freezer:/", f"4:cpu,cpuacct:{path}", f"3:pids:{path}", f"2:memory:{path}",
            "1:name=systemd:/init.scope",
        )  # fmt: skip


def cgroup(folder: Path, controllers: str, below: str = "memory pids cpu") -> None:
    """Make a cgroup of version 2, and say what those below it have."""
    folder.mkdir(parents=True, exist_ok=True)
    files(folder, controllers, below)


def files(folder: Path, controllers: str, below: str) -> None:
    (folder / "cgroup.controllers").write_text(f"{controllers}\n", "ascii")
    (folder / "cgroup.subtree_control").write_text(f"{below}\n", "ascii")
    (folder / "cgroup.procs").write_text("", "ascii")


def let_new_folders_be_cgroups(patch: pytest.MonkeyPatch) -> None:
    """Those below them have no controllers, as the kernel has it."""
    make = os.mkdir

    def make_cgroup(path: str, mode: int = 0o777) -> None:
        make(path, mode)
        files(Path(path), "cpu memory pids", "")

    patch.setattr(os, "mkdir", make_cgroup)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def unified(folder: Path) -> list[Hierarchy]:
    return [Hierarchy(str(folder), NEEDED, is_unified=True)]


def test_version_2_has_all_in_one_place(machine: Machine) -> None:
    """Root's cgroups are at the top: where a session is, there are processes, too."""
    place = machine.unified("cgroup", "cpuset cpu io memory hugetlb pids")
    machine.is_in("0::/user.slice/user-0.slice/session-1.scope")
    assert own_hierarchies() == unified(place)


def test_a_user_has_the_cgroup_that_was_delegated(machine: Machine) -> None:
    scope = f"{USER}/app.slice/run-1.scope"
    place = machine.unified("cgroup", "cpu memory pids", scope)
    machine.is_user(1000)
    machine.is_in(f"0::{scope}")
    assert own_hierarchies() == []
    machine.delegated.append(place / scope[1:])
    assert own_hierarchies() == unified(place / scope[1:])


def test_a_user_whose_process_was_moved_has_the_cgroup_above(machine: Machine) -> None:
    scope = f"{USER}/run-1.scope"
    place = machine.unified("cgroup", "cpu memory pids", scope, f"{scope}/labctl")
    machine.is_user(1000)
    machine.is_in(f"0::{scope}/labctl")
    machine.delegated.append(place / scope[1:])
    assert own_hierarchies() == unified(place / scope[1:])


def test_without_a_controller_there_are_none(machine: Machine) -> None:
    machine.unified("cgroup", "memory pids")
    machine.is_in("0::/")
    assert own_hierarchies() == []


def test_where_it_may_not_write_a_user_has_none(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.version_1()
    assert len(own_hierarchies()) == 3
    closed = str(machine.folder / "pids")
    monkeypatch.setattr(os, "access", lambda path, how: (path, how) != (closed, os.W_OK))
    assert own_hierarchies() == []


def test_version_1_has_a_place_for_each(machine: Machine) -> None:
    machine.version_1()
    assert own_hierarchies() == [
        Hierarchy(str(machine.folder / "cpu,cpuacct"), frozenset({"cpu", "cpuacct"}), False),
        Hierarchy(str(machine.folder / "pids"), frozenset({"pids"}), False),
        Hierarchy(str(machine.folder / "memory"), frozenset({"memory"}), False),
    ]


def test_in_version_1_the_place_is_below_the_own_cgroup(machine: Machine) -> None:
    machine.version_1(path="/system.slice/labctl")
    folders = [Path(one.folder).relative_to(machine.folder) for one in own_hierarchies()]
    assert folders == [
        Path(name, "system.slice/labctl") for name in ("cpu,cpuacct", "pids", "memory")
    ], "labctl is a name like any other there"


def test_version_1_is_used_where_both_are(machine: Machine) -> None:
    """The hierarchy of version 2 has no controllers then."""
    machine.version_1()
    only_1 = own_hierarchies()
    machine.unified("unified", "")
    machine.is_in(*machine._groups, "0::/user.slice")  # noqa: SLF001
    assert own_hierarchies() == only_1


def test_controllers_may_be_in_both(machine: Machine) -> None:
    place = machine.unified("unified", "cpu pids")
    machine.mount("memory", "cgroup", "rw,memory")
    machine.is_in("2:memory:/", "0::/")
    assert own_hierarchies() == [
        Hierarchy(str(machine.folder / "memory"), frozenset({"memory"}), False),
        Hierarchy(str(place), frozenset({"cpu", "pids"}), True),
    ]


@pytest.mark.parametrize("below", ["", "/below/it"])
def test_a_container_sees_a_part_of_them_from_above(machine: Machine, below: str) -> None:
    """Its own cgroup is on top, and yet named as it is outside."""
    for name in NEEDED:
        machine.mount(name, "cgroup", f"rw,{name}", root="/docker/abc")
        (machine.folder / f"{name}{below}").mkdir(parents=True, exist_ok=True)
    machine.is_in(*(f"1:{name}:/docker/abc{below}" for name in NEEDED))
    assert {one.folder for one in own_hierarchies()} == {
        f"{machine.folder}/{name}{below}" for name in NEEDED
    }


def test_a_user_in_a_container_sees_a_part_of_version_2(machine: Machine) -> None:
    place = machine.unified("cgroup", "cpu memory pids", "/below", root="/docker/abc")
    machine.is_user(1000)
    machine.is_in("0::/docker/abc/below")
    machine.delegated.append(place / "below")
    assert own_hierarchies() == unified(place / "below")


def test_without_mounts_or_cgroups_there_are_none(machine: Machine) -> None:
    assert own_hierarchies() == []
    machine.is_in("0::/", "1:memory,pids,cpu:/")
    assert own_hierarchies() == []
    machine.mount("empty", "cgroup2")  # without its files
    assert own_hierarchies() == []


def test_names_are_read_as_the_kernel_writes_them(machine: Machine) -> None:
    place = machine.unified("a place", "cpu memory pids")
    machine.escape_spaces()
    machine.is_in("0::/")
    assert own_hierarchies() == unified(place)


def test_a_cgroup_outside_of_what_is_mounted_is_none(machine: Machine) -> None:
    machine.version_1(path="/..")
    assert own_hierarchies() == []


def test_a_mount_without_a_source_is_passed_over(machine: Machine) -> None:
    """As of mount("", ..., "tmpfs", ...), which the kernel shows as nothing."""
    machine.mounts("65 44 0:39 / /tmp/x rw,relatime - tmpfs  rw")
    place = machine.unified("cgroup", "cpu memory pids")
    machine.is_in("0::/")
    assert own_hierarchies() == unified(place)


def test_the_cgroups_of_a_lab_begin_and_end(machine: Machine) -> None:
    machine.version_1()
    made = begin("lab-1")
    assert [Path(one.folder).name for one in made] == ["lab-1"] * 3
    assert all(Path(one.folder).is_dir() for one in made)
    Path(made[0].folder, "program").mkdir()
    end(made)
    assert not any(Path(one.folder).exists() for one in made)
    end(made)


def test_the_cgroups_of_a_lab_are_all_or_none(machine: Machine) -> None:
    machine.version_1()
    (machine.folder / "memory/lab-1").mkdir()
    assert begin("lab-1") == []
    assert not (machine.folder / "pids/lab-1").exists()
    assert not (machine.folder / "cpu,cpuacct/lab-1").exists()


def test_what_was_ended_by_force_is_removed(machine: Machine) -> None:
    """But not what may be at work: in another PID namespace, nobody sees from here."""
    machine.version_1()
    number = Path("/proc/self/ns/pid").stat().st_ino
    with subprocess.Popen(["true"]) as process:
        pass
    own = machine.folder / "memory" / new_name()
    stale = machine.folder / "memory" / f"labctl-{number}-{process.pid}-0123abcd"
    other = machine.folder / "memory" / f"labctl-{number + 1}-{process.pid}-0123abcd"
    for place in (own, stale / "program", other):
        place.mkdir(parents=True)
    remove_stale()
    assert [own.exists(), stale.exists(), other.exists()] == [True, False, True]
    stale.mkdir()
    begin("lab-1")
    assert [own.exists(), stale.exists(), other.exists()] == [True, False, True]


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What is written to files of cgroups, which are not there."""
    files: dict[str, str] = {}

    def write(path: str, text: str) -> None:
        files[str(Path(path).relative_to(tmp_path))] = text

    monkeypatch.setattr(cgroups, "write_file", write)
    return files


def test_controllers_are_handed_down(
    machine: Machine, written: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cgroup of version 2 has none by itself."""
    place = machine.unified("cgroup", "cpu memory pids")
    machine.is_in("0::/")
    (place / "cgroup.subtree_control").write_text("memory\n", "ascii")
    let_new_folders_be_cgroups(monkeypatch)
    assert begin("lab-1") == unified(place / "lab-1")
    assert written == {
        "cgroup/cgroup.subtree_control": "+cpu +memory +pids",
        "cgroup/lab-1/cgroup.subtree_control": "+cpu +memory +pids",
    }


def test_the_processes_of_a_delegated_cgroup_make_room(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One with others below it may hold none itself: the kernel says that it is busy."""
    place = machine.unified("cgroup", "cpu memory pids", "/user")
    machine.is_user(1000)
    machine.is_in("0::/user")
    own = place / "user"
    machine.delegated.append(own)
    files(own, "cpu memory pids", "")
    (own / "cgroup.procs").write_text("11\n12\n", "ascii")
    moved: list[str] = []

    def write(path: str, text: str) -> None:
        if path == f"{own}/labctl/cgroup.procs":
            moved.append(text)
            if text == "11":
                raise ProcessLookupError  # it has ended
        elif path == f"{own}/cgroup.subtree_control" and len(moved) < 2:
            raise OSError(errno.EBUSY, "busy")

    monkeypatch.setattr(cgroups, "write_file", write)
    let_new_folders_be_cgroups(monkeypatch)
    assert begin("lab-1") == unified(own / "lab-1")
    assert moved == ["11", "12"]


def hierarchies(folder: Path, *, is_unified: bool) -> list[Hierarchy]:
    if is_unified:
        return unified(folder)
    for name in ("memory", "pids", "cpu"):
        (folder / name).mkdir()
    return [
        Hierarchy(f"{folder}/memory", frozenset({"memory"}), False),
        Hierarchy(f"{folder}/pids", frozenset({"pids"}), False),
        Hierarchy(f"{folder}/cpu", frozenset({"cpu", "cpuacct"}), False),
    ]


def test_limits_of_version_1(tmp_path: Path, written: dict[str, str]) -> None:
    Group(hierarchies(tmp_path, is_unified=False), "p", LIMITED)
    assert list(written.items()) == [
        ("memory/p/memory.limit_in_bytes", str(1 << 27)),
        ("memory/p/memory.kmem.tcp.limit_in_bytes", str(1 << 27)),
        ("memory/p/memory.memsw.limit_in_bytes", str(1 << 27)),  # never below the first one
        ("pids/p/pids.max", "100"),
        ("cpu/p/cpu.cfs_period_us", "100000"),
        ("cpu/p/cpu.cfs_quota_us", "150000"),
    ]


def test_limits_of_version_2(tmp_path: Path, written: dict[str, str]) -> None:
    Group(hierarchies(tmp_path, is_unified=True), "p", LIMITED)
    assert written == {
        "p/memory.max": str(1 << 27),
        "p/memory.swap.max": "0",
        "p/pids.max": "100",
        "p/cpu.max": "150000 100000",
    }


@pytest.mark.parametrize("is_unified", [False, True])
def test_without_limits_nothing_is_written(
    tmp_path: Path, written: dict[str, str], is_unified: bool
) -> None:
    Group(hierarchies(tmp_path, is_unified=is_unified), "p", PLAIN)
    assert written == {}


@pytest.mark.parametrize("is_unified", [False, True])
def test_swap_is_limited_only_if_a_program_has_none(
    tmp_path: Path, written: dict[str, str], is_unified: bool
) -> None:
    Group(hierarchies(tmp_path, is_unified=is_unified), "p", PLAIN._replace(memory_bytes=4096))
    assert not [name for name in written if "sw" in name]
    assert {*written.values()} == {"4096"}


def test_a_kernel_that_does_not_count_swap_has_no_file_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = "swap.max"

    def write(path: str, _: str) -> None:
        if path.endswith(missing):
            raise FileNotFoundError(path)

    monkeypatch.setattr(cgroups, "write_file", write)
    Group(hierarchies(tmp_path, is_unified=True), "p", LIMITED)
    missing = "memory.max"
    with pytest.raises(FileNotFoundError):
        Group(hierarchies(tmp_path, is_unified=True), "q", LIMITED)


def test_a_program_joins_all_its_cgroups(tmp_path: Path) -> None:
    group = Group(hierarchies(tmp_path, is_unified=False), "p", PLAIN)
    places = [tmp_path / name / "p/cgroup.procs" for name in ("memory", "pids", "cpu")]
    for place in places:
        place.touch()
    group.join()
    assert [place.read_text("ascii") for place in places] == ["0"] * 3


def test_counters(tmp_path: Path) -> None:
    one = Group(hierarchies(tmp_path, is_unified=False), "p", PLAIN)
    assert one.counters() == {
        "/fs/cgroup/cpuacct/cpuacct.usage": f"{tmp_path}/cpu/p/cpuacct.usage",
        "/fs/cgroup/memory/memory.oom_control": f"{tmp_path}/memory/p/memory.oom_control",
    }
    two = Group(hierarchies(tmp_path, is_unified=True), "p", PLAIN)
    assert two.counters() == {
        "/fs/cgroup/cpu.stat": f"{tmp_path}/p/cpu.stat",
        "/fs/cgroup/memory.events": f"{tmp_path}/p/memory.events",
    }


@pytest.mark.parametrize(
    ("is_unified", "file", "text"),
    [
        (False, "memory/p/memory.oom_control", "oom_kill_disable 0\nunder_oom 1\noom_kill {}\n"),
        (True, "p/memory.events", "low 1\nhigh 1\nmax 5\noom 1\noom_kill {}\n"),
    ],
)
def test_the_kernel_tells_whether_memory_was_used_up(
    tmp_path: Path, is_unified: bool, file: str, text: str
) -> None:
    group = Group(hierarchies(tmp_path, is_unified=is_unified), "p", PLAIN)
    for count, is_out in (("0", False), ("2", True)):
        (tmp_path / file).write_text(text.format(count), "ascii")
        assert group.is_out_of_memory() is is_out
    assert group.limits_memory


def test_an_old_kernel_does_not_tell_of_it(tmp_path: Path) -> None:
    group = Group(hierarchies(tmp_path, is_unified=False), "p", PLAIN)
    text = "oom_kill_disable 0\nunder_oom 0\n"
    (tmp_path / "memory/p/memory.oom_control").write_text(text, "ascii")
    assert not group.is_out_of_memory()


def test_without_cgroups_nothing_is_limited() -> None:
    group = Group([], "p", LIMITED)
    group.join()
    group.remove()
    assert not group.limits_memory
    assert not group.is_out_of_memory()
    assert group.counters() == {}


def test_cgroups_of_a_program_are_removed(tmp_path: Path) -> None:
    group = Group(hierarchies(tmp_path, is_unified=False), "p", PLAIN)
    assert len(list(tmp_path.glob("*/p"))) == 3
    group.remove()
    group.remove()
    assert not list(tmp_path.glob("*/p"))


def test_a_cgroup_that_is_still_busy_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroups, "_PAUSE_S", 0.0)
    group = Group(hierarchies(tmp_path, is_unified=True), "p", PLAIN)
    answers = [OSError(errno.EBUSY, "busy"), OSError(errno.EBUSY, "busy")]
    remove = os.rmdir

    def busy(path: str) -> None:
        if answers:
            raise answers.pop()
        remove(path)

    monkeypatch.setattr(os, "rmdir", busy)
    group.remove()
    assert not (tmp_path / "p").exists()
    monkeypatch.setattr(cgroups, "_PATIENCE_S", -1.0)
    (tmp_path / "p").mkdir()
    answers.append(OSError(errno.EBUSY, "busy"))
    group.remove()
    assert (tmp_path / "p").exists(), "it is given up"
