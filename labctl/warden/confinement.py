"""What a program gives up before it is executed: capabilities, users, and system calls."""

from __future__ import annotations

import os
import resource
from collections.abc import Mapping

from labctl.warden import syscalls, users
from labctl.warden.specs import ProgramSpec

_NAMES = (
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID",
    "SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW",
    "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT",
    "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD",
    "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG",
    "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE",
)  # fmt: skip
CAPABILITIES: Mapping[str, int] = {name: number for number, name in enumerate(_NAMES)}
"""The numbers of capabilities(7), by their names without `CAP_`."""


def confine(spec: ProgramSpec, calls: bytes, *, has_one_user: bool, limits_processes: bool) -> None:
    """Give up all that a program is not to have. `calls` is the filter for system calls.

    Where a lab has one user, a program of another one gets a user namespace of its own. So does one
    whose processes no cgroup limits: the kernel then counts them for this program alone. This
    process is not dumpable: until it executes the program, nobody may look into it.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    kept = [CAPABILITIES[name] for name in spec.capabilities]
    syscalls.bound_capabilities(kept)
    counts = not (spec.process_limit is None or limits_processes or kept)
    is_other_user = has_one_user and spec.user != 0
    has_namespace = counts or is_other_user
    if spec.can_gain_privileges and not has_namespace:
        syscalls.filter_calls(calls)
    if not has_one_user:
        os.setgroups(spec.groups)
        os.setresgid(spec.group, spec.group, spec.group)
        os.setresuid(spec.user, spec.user, spec.user)
    if has_namespace:
        _enter_user_namespace(spec, counts=counts)
        if spec.can_gain_privileges:
            syscalls.filter_calls(calls)
    syscalls.set_capabilities([] if spec.user else kept)
    os.umask(0o022)
    os.chdir(spec.working_dir)
    if not spec.can_gain_privileges:
        syscalls.allow_no_new_privileges()
        syscalls.filter_calls(calls)


def _enter_user_namespace(spec: ProgramSpec, *, counts: bool) -> None:
    """Enter a user namespace in which this process is the program's user, and the only one. A limit
    of processes that is set then counts those of this namespace (Linux 5.14 and later). Set before,
    it would be one of all programs of the lab together.
    """
    user, group = os.getuid(), os.getgid()
    syscalls.unshare(syscalls.NEW_USERS)
    syscalls.set_dumpable(True)
    users.map_own_ids((spec.user, user, 1), (spec.group, group, 1))
    syscalls.set_dumpable(False)
    syscalls.bound_capabilities([CAPABILITIES[name] for name in spec.capabilities])
    if counts and spec.process_limit is not None:
        _, most = resource.getrlimit(resource.RLIMIT_NPROC)
        limit = spec.process_limit if most < 0 else min(spec.process_limit, most)
        resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))
