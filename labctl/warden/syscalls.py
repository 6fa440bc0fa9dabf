"""System calls that Python 3.11 has no function for. Each raises OSError with what it was doing."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable

# PyDLL keeps the interpreter's lock: nothing else may run between a fork and the program.
_LIBC = ctypes.PyDLL(None, use_errno=True)
_LIBC.syscall.restype = ctypes.c_long

NEW_MOUNTS = 0x20000
NEW_CGROUPS = 0x2000000
NEW_NAMES = 0x4000000
NEW_IPC = 0x8000000
NEW_USERS = 0x10000000
NEW_PROCESSES = 0x20000000
NEW_NETWORK = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_NOATIME = 1024
MS_NODIRATIME = 2048
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MS_RELATIME = 1 << 21

_MNT_DETACH = 2
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SECCOMP_FILTER = 1
_SPECULATION_ALLOWED = 4
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_CAPBSET_READ = 23
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION = 0x20080522
_MOST_CAPABILITIES = 64


def _check(result: int, what: str) -> int:
    """Return the result of a call. Raise OSError if it failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result


def mount(
    target: str, *, source: str = "", kind: str = "", flags: int = 0, options: str = ""
) -> None:
    """Mount a file system, or change how one is mounted."""
    _check(
        _LIBC.mount(
            (source or kind or "none").encode(),
            target.encode(),
            kind.encode() if kind else None,
            ctypes.c_ulong(flags),
            options.encode() if options else None,
        ),
        f"mounting {kind or source or 'it'} on {target}",
    )


def unmount(target: str) -> None:
    """Take a file system away, as soon as nothing uses it."""
    _check(_LIBC.umount2(target.encode(), _MNT_DETACH), f"unmounting {target}")


def pivot_root(root: str) -> None:
    """Make a folder on which something is mounted the root; the old one is mounted on it."""
    os.chdir(root)
    number = _PIVOT_ROOT.get(os.uname().machine, -1)
    _check(_LIBC.syscall(number, b".", b"."), "changing the root")


def unshare(kinds: int) -> None:
    """Leave namespaces of these kinds for new ones."""
    _check(_LIBC.unshare(kinds), "unshare")


def enter(namespace: int, kind: int) -> None:
    """Enter a namespace, by an open file."""
    _check(_LIBC.setns(namespace, kind), "entering a namespace")


def set_hostname(name: str) -> None:
    """Set the name of this host."""
    data = name.encode()
    _check(_LIBC.sethostname(data, len(data)), "setting the host's name")


def _prctl(option: int, *values: int) -> int:
    """Change or read something of this process."""
    words = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
    return _check(_LIBC.prctl(option, *words), f"prctl {option}")


def end_with_parent(signal: int) -> None:
    """Let this process get a signal when the thread that started it ends."""
    _prctl(_PR_SET_PDEATHSIG, signal)


def set_dumpable(is_dumpable: bool) -> None:
    """Let others of the same user look into this process, and itself write what is its own in
    /proc; or not. A program that is executed may be looked into again.
    """
    _prctl(_PR_SET_DUMPABLE, int(is_dumpable))


def allow_no_new_privileges() -> None:
    """Let no program that this process executes gain privileges."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def bound_capabilities(kept: Iterable[int]) -> None:
    """Give up all capabilities but these for good, whatever is executed. They are numbers."""
    keep = set(kept)
    for capability in range(_MOST_CAPABILITIES):
        try:
            _prctl(_PR_CAPBSET_READ, capability)
        except OSError:
            break  # the kernel knows no more
        if capability not in keep:
            _prctl(_PR_CAPBSET_DROP, capability)
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def set_capabilities(kept: Iterable[int]) -> None:
    """Have these capabilities and no others; none of them is inherited."""
    bits = sum(1 << capability for capability in kept)
    low, high = bits & 0xFFFFFFFF, bits >> 32
    data = (ctypes.c_uint32 * 6)(low, low, 0, high, high, 0)
    header = _CapabilityHeader(_CAPABILITY_VERSION, 0)
    _check(_LIBC.capset(ctypes.byref(header), data), "setting capabilities")


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))


def filter_calls(code: bytes) -> None:
    """Let a filter (seccomp(2)) decide about every system call from now on, also those of programs
    that are executed.
    """
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Filter(len(code) // 8, ctypes.addressof(buffer))
    number = _SECCOMP.get(os.uname().machine, -1)
    flags = ctypes.c_ulong(_SPECULATION_ALLOWED)
    _check(
        _LIBC.syscall(number, _SECCOMP_FILTER, flags, ctypes.byref(program)),
        "filtering system calls",
    )
