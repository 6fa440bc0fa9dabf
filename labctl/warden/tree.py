"""The file tree of a program: its image, and what the kernel and the lab put there.

All is mounted in a mount namespace of the program's own. Nothing of the host's is in it but six
devices.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Mapping

from labctl.warden import syscalls
from labctl.warden.specs import ProgramSpec
from labctl.warden.syscalls import (
    MS_BIND,
    MS_NOATIME,
    MS_NODEV,
    MS_NODIRATIME,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_RELATIME,
    MS_REMOUNT,
    mount,
)

DEVICES = {
    "null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9),
    "tty": (5, 0),
}  # fmt: skip
"""The numbers of a program's devices, by their names."""
_LINKS = {
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "fd": "/proc/self/fd",
}
_READ_ONLY = ("bus", "fs", "irq", "sys")
_MASKED = (
    "kcore", "keys", "latency_stats", "timer_list", "timer_stats", "sched_debug", "kallsyms",
    "kmsg", "sysrq-trigger", "interrupts",
)  # fmt: skip
_MASKED_FOLDERS = ("acpi", "asound", "scsi")
_MOST_LINKS = 40
_MOST_WRITTEN = 256 << 20
"""How many bytes a program may write to its root if its memory has no limit."""

_USUAL = MS_NOSUID | MS_NODEV
_OPTIONS = {"ro": MS_RDONLY, "nosuid": MS_NOSUID, "nodev": MS_NODEV, "noexec": MS_NOEXEC}
_OPPOSITES = {"rw": MS_RDONLY, "suid": MS_NOSUID, "dev": MS_NODEV, "exec": MS_NOEXEC}
_KEPT = {
    os.ST_NOSUID: MS_NOSUID,
    os.ST_NODEV: MS_NODEV,
    os.ST_NOEXEC: MS_NOEXEC,
    os.ST_NOATIME: MS_NOATIME,
    os.ST_NODIRATIME: MS_NODIRATIME,
    os.ST_RELATIME: MS_RELATIME,
}
"""What a mount of another user's has and must keep, by how statvfs(3) tells it."""


def build_tree(
    spec: ProgramSpec, *, work: str, files: Mapping[str, str], counters: Mapping[str, str],
    in_user_namespace: bool,
) -> str:  # fmt: skip
    """Mount the tree of a program, but for what is masked, and return its root.

    `work` is an empty folder of the program's own. `files` are those of its host, and `counters`
    those of its cgroups, by their paths in the tree and below /sys.
    """
    mount("/", flags=MS_PRIVATE | MS_REC)
    folders = ("/proc", "/dev", "/sys", *spec.tmpfs, spec.working_dir)
    is_whole = all(os.path.exists(inside(spec.root, path)) for path in (*folders, *files))
    keeps_writes = spec.is_root_writable or not is_whole
    root = _mount_root(spec, work, keeps_writes=keeps_writes, in_user_namespace=in_user_namespace)
    for path in folders:
        os.makedirs(inside(root, path), exist_ok=True)
    for path in files:
        _make_file(inside(root, path))
    if not spec.is_root_writable and not spec.writes_image:
        _remount(root, MS_RDONLY | _USUAL)
    mount(f"{root}/proc", kind="proc", flags=_USUAL | MS_NOEXEC)
    _mount_devices(spec, f"{root}/dev")
    _mount_counters(f"{root}/sys", counters)
    for path, options in spec.tmpfs.items():
        flags, rest = tmpfs_options(options)
        mount(inside(root, path), kind="tmpfs", flags=flags, options=rest)
    for path, source in files.items():
        _bind_file(inside(root, path), source, is_writable=spec.is_root_writable)
    return root


def _mount_root(
    spec: ProgramSpec, work: str, *, keeps_writes: bool, in_user_namespace: bool
) -> str:
    """Mount the image's folder, and return where: as it is, if the image is made, or else as a
    layer, with another one that keeps what is written.

    Files of layers are the program's own: it can't tell by locks and watches on them what programs
    with the same image do, nor tell them anything. Without writes, a program does without layers
    where the kernel refuses them.
    """
    if spec.writes_image:
        root = f"{work}/root"
        os.mkdir(root)
        mount(root, source=spec.root, flags=MS_BIND)
        return root
    size = _MOST_WRITTEN if spec.memory_bytes is None else spec.memory_bytes
    mount(work, kind="tmpfs", flags=_USUAL, options=f"size={size},mode=755")
    root, image, upper, notes = (f"{work}/{name}" for name in ("root", "image", "upper", "work"))
    for folder in (root, image, upper, notes):
        os.mkdir(folder)
    os.chmod(upper, 0o755)  # noqa: S103 it is the root that programs see
    # Programs see where layers are: not where the image is on the machine.
    mount(image, source=spec.root, flags=MS_BIND)
    lower, own = _escaped(image), _escaped(work)
    if keeps_writes:
        layers = f"lowerdir={lower},upperdir={own}/upper,workdir={own}/work"
    else:
        layers = f"lowerdir={own}/upper:{lower}"
    # Without privileges, overlayfs keeps its notes in attributes that users may have.
    options = f"{layers},userxattr" if in_user_namespace else layers
    try:
        mount(root, kind="overlay", flags=_USUAL, options=options)
    except OSError:  # not all file systems can be layers
        if keeps_writes:
            raise
        mount(root, source=image, flags=MS_BIND)
    return root


def _escaped(path: str) -> str:
    """Return a path as an option of overlayfs."""
    for mark in "\\:,":
        path = path.replace(mark, f"\\{mark}")
    return path


def _mount_devices(spec: ProgramSpec, place: str) -> None:
    """Mount the devices that a program has."""
    flags = MS_NOSUID | MS_NOEXEC
    mount(place, kind="tmpfs", flags=flags, options="size=64k,nr_inodes=64,mode=755")
    for name, number in DEVICES.items():
        _make_device(f"{place}/{name}", f"/dev/{name}", number, MS_RDONLY | flags)
    for name, goal in _LINKS.items():
        os.symlink(goal, f"{place}/{name}")
    if spec.has_shared_memory:
        os.mkdir(f"{place}/shm")
        size = spec.shared_memory_bytes
        options = "mode=1777" if size is None else f"mode=1777,size={size}"
        mount(f"{place}/shm", kind="tmpfs", flags=_USUAL | MS_NOEXEC, options=options)
    mount(place, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | flags)


def _make_device(place: str, source: str, number: tuple[int, int], flags: int) -> None:
    """Make a device of the program's own, or else take that of the machine: users may not make any.
    It can be written to all the same, but its mode can't be changed.
    """
    try:
        os.mknod(place, stat.S_IFCHR, os.makedev(*number))
    except PermissionError:
        _make_file(place)
        mount(place, source=source, flags=MS_BIND)
        _remount(place, flags)
    else:
        os.chmod(place, 0o666)  # noqa: S103 as on the machine


def _mount_counters(place: str, counters: Mapping[str, str]) -> None:
    """Mount the counters of a program's cgroups, to be read; nothing else is in /sys."""
    flags = _USUAL | MS_NOEXEC
    mount(place, kind="tmpfs", flags=flags, options="size=64k,nr_inodes=64,mode=755")
    for path, source in counters.items():
        _make_file(place + path)
        mount(place + path, source=source, flags=MS_BIND)
        _remount(place + path, MS_RDONLY | flags)
    mount(place, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | flags)


def _bind_file(place: str, source: str, *, is_writable: bool) -> None:
    """Mount a file of the host's, which a program may write to or not."""
    mount(place, source=source, flags=MS_BIND)
    if not is_writable:
        _remount(place, MS_RDONLY | _USUAL | MS_NOEXEC)


def mask_proc(root: str) -> None:
    """Make parts of the tree's /proc read-only, and hide what is about the whole machine."""
    proc = f"{root}/proc"
    flags = _USUAL | MS_NOEXEC
    for name in filter(lambda name: os.path.exists(f"{proc}/{name}"), _READ_ONLY):
        mount(f"{proc}/{name}", source=f"{proc}/{name}", flags=MS_BIND)
        _remount(f"{proc}/{name}", MS_RDONLY | flags)
    for name in filter(lambda name: os.path.exists(f"{proc}/{name}"), _MASKED):
        mount(f"{proc}/{name}", source="/dev/null", flags=MS_BIND)
        _remount(f"{proc}/{name}", MS_RDONLY | MS_NOSUID | MS_NOEXEC)
    for name in filter(lambda name: os.path.isdir(f"{proc}/{name}"), _MASKED_FOLDERS):
        options = "size=0,nr_inodes=1"
        mount(f"{proc}/{name}", kind="tmpfs", flags=flags | MS_RDONLY, options=options)


def enter_tree(root: str) -> None:
    """Make the tree the root of this process, and take the old root away."""
    syscalls.pivot_root(root)
    syscalls.unmount(".")
    os.chdir("/")


def inside(root: str, path: str) -> str:
    """Return where a path of a tree is, as it would be found there: links are followed inside the
    tree alone. What is missing of it stays as it is written. Raise OSError if they lead in circles.
    """
    left = path.split("/")[::-1]
    found: list[str] = []
    links = 0
    while left:
        part = left.pop()
        if part == "..":
            del found[-1:]
        elif part not in ("", "."):
            place = "/".join([root, *found, part])
            goal = None
            with contextlib.suppress(OSError):
                goal = os.readlink(place)
            if goal is None:
                found.append(part)
                continue
            links += 1
            if links > _MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            if goal.startswith("/"):
                found.clear()
            left += goal.split("/")[::-1]
    return "/".join([root, *found])


def tmpfs_options(options: str) -> tuple[int, str]:
    """Return the flags and the other options of a tmpfs. Without a word about them, its files are
    no devices and no programs, as on Docker.
    """
    flags = _USUAL | MS_NOEXEC
    rest = []
    for option in filter(None, options.split(",")):
        if option in _OPTIONS:
            flags |= _OPTIONS[option]
        elif option in _OPPOSITES:
            flags &= ~_OPPOSITES[option]
        else:
            rest.append(option)
    return flags, ",".join(rest)


def _remount(place: str, flags: int) -> None:
    """Change the flags of what is bound somewhere. Those that it had are kept: in a user
    namespace, the kernel lets nobody take away some of them.
    """
    had = os.statvfs(place).f_flag
    kept = sum(flag for bit, flag in _KEPT.items() if had & bit)
    mount(place, flags=MS_REMOUNT | MS_BIND | flags | kept)


def _make_file(path: str) -> None:
    """Make an empty file to mount something on, if there is none."""
    if os.path.exists(path):
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o666))
