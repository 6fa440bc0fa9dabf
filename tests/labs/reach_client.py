"""A client that tries what it can see and do in a lab. Its last expression is a table: what it
tried, and what came of it.
"""
# A client imports little, and its last expression is what it returns.
# ruff: noqa: B018, PTH108, PTH123, PTH208, SIM115

from __future__ import annotations

import ctypes
import errno
import os
import resource
import socket
import time
from collections.abc import Callable

LIBC = ctypes.CDLL(None, use_errno=True)
NUMBERS = {
    "x86_64": {
        "unshare": 272, "mount": 165, "ptrace": 101, "process_vm_readv": 310, "keyctl": 250,
        "add_key": 248, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323,
        "io_uring_setup": 425, "syslog": 103, "clone3": 435,
    },
    "aarch64": {
        "unshare": 97, "mount": 40, "ptrace": 117, "process_vm_readv": 270, "keyctl": 219,
        "add_key": 217, "bpf": 280, "perf_event_open": 241, "userfaultfd": 282,
        "io_uring_setup": 425, "syslog": 116, "clone3": 435,
    },
}[os.uname().machine]  # fmt: skip
NEW_USERS, NEW_NETWORK = 0x10000000, 0x40000000
ATTACH = 16
NETLINK, USERS = 16, 2
MEBIBYTE = 1 << 20
MOST_FILES, MOST_CHILDREN, MOST_MEBIBYTES = 3000, 200, 64

found: dict[str, str] = {}


def name_of(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, type(error).__name__)


def attempt(what: str, action: Callable[[], object]) -> None:
    """Note what comes of an action: what it returns, or the name of its error."""
    try:
        found[what] = str(action())
    except OSError as error:
        found[what] = name_of(error)


def call(name: str, *arguments: object) -> str:
    """Make a system call, and tell whether it worked."""
    result = LIBC.syscall(NUMBERS[name], *arguments)
    return "works" if result >= 0 else errno.errorcode[ctypes.get_errno()]


class Part(ctypes.Structure):
    _fields_ = (("start", ctypes.c_void_p), ("size", ctypes.c_size_t))


def read_memory(pid: int) -> str:
    """Read a byte of another process."""
    here = ctypes.create_string_buffer(1)
    ours, theirs = Part(ctypes.addressof(here), 1), Part(id(None), 1)
    return call("process_vm_readv", pid, ctypes.byref(ours), 1, ctypes.byref(theirs), 1, 0)


def read(path: str, size: int = 1) -> str:
    with open(path, "rb") as file:
        return "readable" if file.read(size).strip(b"\0") else "empty"


def opens(family: int, kind: int, protocol: int = 0) -> str:
    socket.socket(family, kind, protocol).close()
    return "works"


def limit(pid: int) -> str:
    """Give a process no processor time any more."""
    resource.prlimit(pid, resource.RLIMIT_CPU, (0, 0))
    return "works"


def slow_down(pid: int) -> str:
    """Let a process have the processor when no other needs it."""
    os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
    return "works"


def status(*names: str) -> str:
    with open("/proc/self/status", encoding="utf-8") as file:
        fields = dict(line.split(":", 1) for line in file)
    return " ".join(fields[name].strip() for name in names)


def fill() -> str:
    written = 0
    try:
        with open("/tmp/filled", "wb") as file:
            while written < MOST_MEBIBYTES:
                file.write(b"x" * MEBIBYTE)
                file.flush()
                written += 1
    except OSError as error:
        return f"{name_of(error)} after {written} MB"
    finally:
        os.unlink("/tmp/filled")
    return f"more than {written} MB"


def many_files() -> str:
    made: list[str] = []
    try:
        while len(made) < MOST_FILES:
            path = f"/tmp/{len(made)}"
            open(path, "x", encoding="utf-8").close()
            made.append(path)
    except OSError as error:
        return f"{name_of(error)} after some {round(len(made), -2)}"
    finally:
        for path in made:
            os.unlink(path)
    return f"more than {len(made)}"


def many_children() -> str:
    children: list[int] = []
    try:
        while len(children) < MOST_CHILDREN:
            child = os.fork()
            if child == 0:
                time.sleep(30)
                os._exit(0)
            children.append(child)
    except OSError as error:
        return f"{name_of(error)} after some {round(len(children), -1)}"
    finally:
        for child in children:
            os.kill(child, 9)
            os.waitpid(child, 0)
    return f"more than {len(children)}"


def writable() -> str:
    places = ("/", "/etc", "/usr", "/var", "/labctl", "/dev", "/dev/shm", "/run", "/proc", "/tmp")
    return " ".join(place for place in places if os.access(place, os.W_OK))


def abstract_sockets() -> int:
    with open("/proc/net/unix", encoding="utf-8") as file:
        return len([line for line in file if "@" in line])


def other_processes() -> int:
    own = {os.getpid(), os.getppid()}
    return len([pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) not in own])


def interfaces() -> str:
    return " ".join(sorted(name for _, name in socket.if_nameindex()))


attempt("user and group", lambda: f"{os.getuid()}:{os.getgid()}")
attempt("capabilities: effective, bounding", lambda: status("CapEff", "CapBnd"))
attempt("may gain privileges", lambda: "no" if status("NoNewPrivs") == "1" else "yes")
attempt("filter of system calls", lambda: "yes" if status("Seccomp") == "2" else "no")
attempt("processes of others that it sees", other_processes)
attempt("abstract sockets of others", abstract_sockets)
attempt("network interfaces", interfaces)
attempt("a user namespace of its own", lambda: call("unshare", NEW_USERS))
attempt("a network namespace of its own", lambda: call("unshare", NEW_NETWORK))
attempt("clone3", lambda: call("clone3", 0, 0))
attempt("mounting", lambda: call("mount", b"none", b"/tmp", b"tmpfs", 0, 0))
attempt("tracing the probe", lambda: call("ptrace", ATTACH, 1, 0, 0))
attempt("reading the probe's memory", lambda: read_memory(1))
attempt("the probe's memory in /proc", lambda: read("/proc/1/mem"))
attempt("the probe's environment", lambda: read("/proc/1/environ"))
attempt("ending the probe by a limit", lambda: limit(os.getppid()))
attempt("slowing the probe down", lambda: slow_down(os.getppid()))
attempt("netlink for anything but routes", lambda: opens(NETLINK, socket.SOCK_RAW, USERS))
attempt("keyctl", lambda: call("keyctl", 0, -3, 1))
attempt("add_key", lambda: call("add_key", b"user", b"x", b"y", 1, -4))
attempt("bpf", lambda: call("bpf", 0, 0, 0))
attempt("perf_event_open", lambda: call("perf_event_open", 0, 0, -1, -1, 0))
attempt("userfaultfd", lambda: call("userfaultfd", 0))
attempt("io_uring_setup", lambda: call("io_uring_setup", 1, ctypes.create_string_buffer(256)))
attempt("the kernel's log", lambda: call("syslog", 3, ctypes.create_string_buffer(64), 64))
attempt("raw sockets", lambda: opens(socket.AF_INET, socket.SOCK_RAW, 1))
attempt("packet sockets", lambda: opens(socket.AF_PACKET, socket.SOCK_RAW, 3))
attempt("sockets of virtual machines", lambda: opens(socket.AF_VSOCK, socket.SOCK_STREAM))
attempt("devices", lambda: " ".join(sorted(os.listdir("/dev"))))
attempt("/sys", lambda: " ".join(sorted(os.listdir("/sys"))))
attempt("/proc/kcore", lambda: read("/proc/kcore"))
attempt("/proc/keys", lambda: read("/proc/keys"))
attempt("/proc/kallsyms", lambda: read("/proc/kallsyms"))
attempt(
    "writing /proc/sys",
    lambda: open("/proc/sys/net/ipv4/ip_default_ttl", "w", encoding="utf-8").close(),
)
attempt(
    "writing /proc/sysrq-trigger",
    lambda: open("/proc/sysrq-trigger", "w", encoding="utf-8").write("h"),
)
attempt("where it may write", writable)
attempt("/tmp: size", fill)
attempt("/tmp: files", many_files)
attempt("processes", many_children)
attempt("open files", lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[1])
attempt("size of a core dump", lambda: resource.getrlimit(resource.RLIMIT_CORE)[1])
found
