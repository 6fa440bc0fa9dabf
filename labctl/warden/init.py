"""The first process of a container that asks for one: it passes signals on, and reaps orphans."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import NoReturn

_PASSED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_MOST_FILES = 4096


def become_init(program: int) -> NoReturn:
    """Wait until a child, the program, has ended, and end with its exit code. This process was
    not dumpable before, and stays so: the program may not look into it.
    """

    def pass_on(number: int, _frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(program, number)

    for number in _PASSED:
        signal.signal(number, pass_on)
    close_files(0)
    while True:
        pid, status = os.wait()
        if pid == program:
            os._exit(exit_code(status))


def close_files(first: int) -> None:
    """Close all files of this process from a number on."""
    os.closerange(first, _MOST_FILES)


def exit_code(status: int) -> int:
    """Return the exit code that a shell tells of a process: 128 and the signal that ended it."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code
