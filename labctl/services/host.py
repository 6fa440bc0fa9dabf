"""Several programs of the lab image in one container, each with an address of its own.

LABCTL_PROGRAMS says, as JSON, each program's `command` and `environment` by the name of its
service. All are forked from one process that has imported what they need. A line of stdin is for
the program that its first word names. What a program says goes out with its name in front. If one
ends, that is an event of its own, and the others go on.
"""

from __future__ import annotations

import io
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, NoReturn

from . import events, lifeline, programs

VARIABLE = "LABCTL_PROGRAMS"
_POLL_S = 1.0
_FIRST_TO_GO = "500"
"""How much more likely the kernel ends a program than this process where memory is used up."""


class _Program(NamedTuple):
    """A program to be run for a service: its command, and what is added to the environment."""

    command: list[str]
    environment: Mapping[str, str]


class _Errors(io.TextIOBase):
    """A stderr whose lines are events, which say whose they are."""

    def __init__(self) -> None:
        """Begin a line."""
        super().__init__()
        self._line = ""

    def write(self, text: str) -> int:
        """Add text; each line that is whole goes out."""
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            events.emit("error", text=line)
        return len(text)


def main() -> None:
    """Start the programs, and hand on what labctl says to each, until it goes."""
    told = {
        name: _Program(**one) for name, one in json.loads(os.environ.pop(VARIABLE, "{}")).items()
    }
    for program in told.values():
        programs.load_ahead(program.command, program.environment)
    turn = os.memfd_create("turn")
    pipes: dict[str, int] = {}
    services: dict[int, str] = {}
    for name, program in told.items():
        theirs, pipes[name] = os.pipe()
        # This process has no other thread yet, which would be missing in the child.
        process = os.fork()
        if process == 0:
            for pipe in pipes.values():
                os.close(pipe)
            _become(name, program, stdin=theirs, turn=turn)
        os.close(theirs)
        services[process] = name
    events.speak_for("", turn)
    lifeline.wait_for_go()
    for pipe in pipes.values():
        _send(pipe, "go")
    lifeline.say_ready()
    threading.Thread(target=_tell_ends, args=(services,), daemon=True).start()
    for command in lifeline.commands():
        name, _, rest = command.partition(" ")
        _send(pipes[name], rest)


def _send(pipe: int, line: str) -> None:
    """Send a line to a program, unless it has ended."""
    with suppress(BrokenPipeError):
        os.write(pipe, f"{line}\n".encode())


def _become(name: str, program: _Program, *, stdin: int, turn: int) -> NoReturn:
    """Run a program in this process, and end with it."""
    os.dup2(stdin, sys.stdin.fileno())
    os.close(stdin)
    with suppress(OSError):  # not every engine lets it
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, "ascii")
    os.environ.update(program.environment)
    events.speak_for(name, turn)
    sys.stderr = _Errors()
    code: object = 1
    try:
        lifeline.wait_for_go()
        programs.run(program.command)
        code = 0
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 as Python does at the end of a program
        traceback.print_exc()
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
        code = 1
    os._exit(code if isinstance(code, int) else 0)


def _tell_ends(services: Mapping[int, str]) -> None:
    """Tell of each program that ends, by the numbers of their processes. Others may end here, too:
    this is the first process of all containers of the lab that link themselves.
    """
    while True:
        try:
            process, status = os.wait()
        except ChildProcessError:
            time.sleep(_POLL_S)  # nobody is here to wait for
            continue
        if process in services:
            code = os.waitstatus_to_exitcode(status)
            events.emit("ended", service=services[process], code=code)
