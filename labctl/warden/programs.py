"""Starts programs of a lab, each in namespaces of its own, and commands beside them."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import sys
from typing import NamedTuple, NoReturn

from labctl.warden import syscalls
from labctl.warden.cgroups import Group
from labctl.warden.confinement import confine
from labctl.warden.failures import describe
from labctl.warden.hosts import Host, set_parameters
from labctl.warden.init import become_init, close_files, exit_code
from labctl.warden.specs import CommandSpec, ProgramSpec
from labctl.warden.tree import DEVICES, build_tree, enter_tree, mask_proc

_FAILED = 126
_STANDARD = 3
_OWN_NAMESPACES = syscalls.NEW_MOUNTS | syscalls.NEW_IPC | syscalls.NEW_NAMES | syscalls.NEW_CGROUPS
_ENTERED = {
    "cgroup": syscalls.NEW_CGROUPS,
    "ipc": syscalls.NEW_IPC,
    "uts": syscalls.NEW_NAMES,
    "net": syscalls.NEW_NETWORK,
    "mnt": syscalls.NEW_MOUNTS,
    "pid": syscalls.NEW_PROCESSES,
}
"""The namespaces of a program that a command beside it enters, by their names in /proc/PID/ns."""


class Place(NamedTuple):
    """Where a program runs. `work` is an empty folder, and `calls` filters its system calls."""

    host: Host
    group: Group
    work: str
    calls: bytes
    in_user_namespace: bool
    has_one_user: bool


class Files(NamedTuple):
    """Open files of a program: stdin, stdout and stderr, and a pipe that says why it could not be
    started. Its end without a word says that it was.
    """

    standard: tuple[int, int, int]
    status: int


def start_program(spec: ProgramSpec, place: Place, files: Files) -> int:
    """Start a program as the first process of a PID namespace, and return its id here."""
    own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    try:
        syscalls.unshare(syscalls.NEW_PROCESSES)
        pid = os.fork()
        if pid == 0:
            _become_program(spec, place, files)
    finally:
        syscalls.enter(own, syscalls.NEW_PROCESSES)
        os.close(own)
    return pid


def start_command(
    command: CommandSpec, *, beside: int, spec: ProgramSpec, place: Place, files: Files
) -> int:
    """Start a command in the namespaces of a program, and with its rights. Return the id of a
    process that waits for it, and ends with its exit code.
    """
    pid = os.fork()
    if pid == 0:
        _run_command(command, beside, spec, place, files)
    return pid


def _become_program(spec: ProgramSpec, place: Place, files: Files) -> NoReturn:
    """Execute a program in this process, the first of its PID namespace. If that fails, say why,
    and end.
    """
    try:
        _begin(place, files)
        syscalls.enter(place.host.namespace, syscalls.NEW_NETWORK)
        _close_all_but(files.status)
        syscalls.unshare(_OWN_NAMESPACES)
        syscalls.set_hostname(spec.hostname)
        if not place.group.limits_memory:
            _limit_ipc(spec)
        root = build_tree(
            spec,
            work=place.work,
            files=place.host.files,
            counters=place.group.counters(),
            in_user_namespace=place.in_user_namespace,
        )
        mask_proc(root)
        # Nothing is imported from here on: what is found would be the program's.
        sys.path.clear()
        sys.meta_path.clear()
        enter_tree(root)
        _reopen_null()
        _confine(spec, place)
        if spec.has_init and (program := os.fork()):
            become_init(program)
        _execute(spec.command, spec)
    except BaseException as error:  # noqa: BLE001 it is reported, and the process ends
        _give_up(files.status, error)


def _limit_ipc(spec: ProgramSpec) -> None:
    """Limit what the kernel keeps for a program in its IPC namespace, where no cgroup counts it: to
    nothing, unless it asks for shared memory. Kernels before 5.19 let only root do so.
    """
    pages = (spec.memory_bytes or 0) // os.sysconf("SC_PAGE_SIZE") if spec.has_shared_memory else 0
    limits = {"kernel.shmall": str(pages), "kernel.msgmni": "0", "kernel.sem": "1 0 1 0"}
    with contextlib.suppress(PermissionError):
        set_parameters(limits)


def _run_command(
    command: CommandSpec, beside: int, spec: ProgramSpec, place: Place, files: Files
) -> NoReturn:
    """Enter the namespaces of a program, run a command there, and end with its exit code."""
    try:
        _begin(place, files)
        namespaces = {
            os.open(f"/proc/{beside}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC): kind
            for name, kind in _ENTERED.items()
        }
        sys.path.clear()
        sys.meta_path.clear()
        for namespace, kind in namespaces.items():
            syscalls.enter(namespace, kind)
        _close_all_but(files.status)
        _reopen_null()
        pid = os.fork()
        if pid == 0:
            _confine(spec, place)
            syscalls.end_with_parent(signal.SIGKILL)
            _execute(command.command, spec)
        close_files(0)
        _, status = os.waitpid(pid, 0)
        os._exit(exit_code(status))
    except BaseException as error:  # noqa: BLE001 it is reported, and the process ends
        _give_up(files.status, error)


def _begin(place: Place, files: Files) -> None:
    """Begin as a new process: in a session and cgroups of its own, with the signals as usual and
    the program's files. Nobody may look into it until it executes a program.
    """
    syscalls.set_dumpable(False)
    os.setsid()
    for one in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        if signal.getsignal(one) not in (signal.SIG_DFL, None):
            signal.signal(one, signal.SIG_DFL)
    place.group.join()
    for number, file in enumerate(files.standard):
        os.dup2(file, number)


def _close_all_but(status: int) -> None:
    """Close all files of the warden's in this process but the pipe for its status."""
    os.closerange(_STANDARD, status)
    close_files(status + 1)


def _reopen_null() -> None:
    """Take the tree's own /dev/null in place of the machine's, whose mode could be changed."""
    for number in range(_STANDARD):
        about = os.fstat(number)
        if stat.S_ISCHR(about.st_mode) and about.st_rdev == os.makedev(*DEVICES["null"]):
            file = os.open(os.devnull, os.O_RDWR)
            os.dup2(file, number)
            os.close(file)


def _confine(spec: ProgramSpec, place: Place) -> None:
    """Give up all that the program is not to have."""
    confine(
        spec,
        place.calls,
        has_one_user=place.has_one_user,
        limits_processes=place.group.limits_memory,
    )


def _execute(command: tuple[str, ...], spec: ProgramSpec) -> NoReturn:
    """Execute a program, which is looked for on its own PATH. Raise OSError if that fails."""
    name = command[0]
    folders = [""] if "/" in name else spec.environment.get("PATH", "").split(":")
    denied: OSError | None = None
    for folder in folders:
        try:
            os.execve(os.path.join(folder, name), command, dict(spec.environment))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            denied = denied or OSError(error.errno, error.strerror, name)
    raise denied or FileNotFoundError(2, "there is no such program", name)


def _give_up(status: int, error: BaseException) -> NoReturn:
    """Say why a program can't be executed, and end."""
    os.write(status, describe(error).encode()[:4000])
    os._exit(_FAILED)
