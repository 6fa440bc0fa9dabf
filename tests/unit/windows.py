"""A program that turns this Python into one of Windows, as far as labctl looks, and runs labctl.

`python -m tests.unit.windows ARGS` runs `labctl ARGS`; without any, it imports all of labctl.
The standard library and packages are imported before, and stay those of Linux.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import types

MISSING_MODULES = ("fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty")
MISSING = {
    os: (
        "O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "chown", "fchmod", "fork",
        "getegid", "geteuid", "getgid", "getloadavg", "getpgid", "getuid", "killpg", "mkfifo",
        "setsid", "uname", "waitid",
    ),
    select: ("epoll", "poll"),
    signal: (
        "SIGALRM", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGUSR1", "pthread_sigmask", "setitimer",
        "sigwait",
    ),
    socket: ("AF_UNIX", "AF_PACKET", "SO_REUSEPORT", "sendmsg"),
}  # fmt: skip
CONTAINERS = ("labctl.probe", "labctl.services", "labctl.warden", "labctl.engine.local")
"""The parts that only ever run on Linux: in containers, or to make them."""


def modules() -> list[str]:
    """The modules of labctl that run on the user's machine."""
    import labctl  # noqa: PLC0415 twice, before and after

    found = (module.name for module in pkgutil.walk_packages(labctl.__path__, "labctl."))
    return [name for name in found if not f"{name}.".startswith(tuple(f"{c}." for c in CONTAINERS))]


def import_all() -> None:
    for name in modules():
        importlib.import_module(name)


def become_windows() -> None:
    """Import all that labctl uses, take away what Windows lacks, and forget labctl again."""
    import_all()
    for name in [one for one in sys.modules if one.partition(".")[0] == "labctl"]:
        del sys.modules[name]
    for name in MISSING_MODULES:
        sys.modules[name] = None  # type: ignore[assignment]
    for module, names in MISSING.items():
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
    sys.modules["msvcrt"] = types.ModuleType("msvcrt")
    vars(sys.modules["msvcrt"]).update(LK_NBLCK=2, locking=lambda *_: None)
    vars(os)["O_NOINHERIT"] = 0
    vars(subprocess).update(CREATE_NO_WINDOW=0, CREATE_NEW_PROCESS_GROUP=0)
    sys.platform = "win32"


if __name__ == "__main__":
    become_windows()
    if sys.argv[1:]:
        runpy.run_module("labctl", run_name="__main__", alter_sys=True)
    else:
        import_all()
        print("imported", len(modules()))  # noqa: T201
