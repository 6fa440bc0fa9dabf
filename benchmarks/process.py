"""Runs a command and takes the times at which it says something and at which it has ended."""

from __future__ import annotations

import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from benchmarks.measure import BenchmarkError

_LIMIT_S = 180.0
_GRACE_S = 30.0
_TAIL = 2000


_WEIGH = """
import os, sys
place, *command = sys.argv[1:]
pid = os.posix_spawn(command[0], command, os.environ)
_, status, usage = os.wait4(pid, 0)
with open(place, "w") as file:
    file.write(str(usage.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)
"""
"""Started by a process that is small: the kernel counts the memory of who starts a program, too."""


def weighed(command: Sequence[str], *, output: int | IO[bytes] | None = None) -> tuple[int, int]:
    """Run a command; its exit code, and the most memory that it had, in KiB. `output` is for what
    it prints.
    """
    with tempfile.NamedTemporaryFile() as place:
        done = subprocess.run(
            [sys.executable, "-ISc", _WEIGH, place.name, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output is not None else None,
            check=False,
        )
        return done.returncode, int(place.read())


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds from before the process was started. `said` is 0 where nothing was waited for.
    `processor` is what it and all that it waited for had of the processors.
    """

    said: float
    ended: float
    processor: float


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _environment() -> dict[str, str]:
    """That of a machine on which Python keeps what it has compiled, as it does unless told not to:
    pip has compiled the libraries anyway, and labctl is not to pay for being a checkout.
    """
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def timed(
    command: Sequence[str],
    *,
    waits_for: bytes = b"",
    env: Mapping[str, str] | None = None,
    limit_s: float = _LIMIT_S,
) -> Timing:
    """Run a command to its end, noting when `waits_for` stands on its stdout (a pipe, read as it
    comes). Raises BenchmarkError unless it ends with 0 and has said that.

    The command has a session of its own, so that what it starts can be ended with it.
    """
    with tempfile.TemporaryFile() as errors:
        used = _processor()
        began = time.monotonic()
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**_environment(), **(env or {})},
            start_new_session=True,
        ) as process:
            try:
                output, said = _listen(process, waits_for, (began, began + limit_s))
                status = process.wait(_GRACE_S)
            except BaseException:
                _end(process)
                raise
        ended = time.monotonic()
        if status or waits_for not in output:
            errors.seek(0)
            tail = output[-_TAIL:] + errors.read()[-_TAIL:]
            raise BenchmarkError(
                f"{' '.join(command)} ended with {status}:\n{tail.decode(errors='replace')}"
            )
    return Timing(said=said - began, ended=ended - began, processor=_processor() - used)


def _listen(
    process: subprocess.Popen[bytes], waits_for: bytes, times: tuple[float, float]
) -> tuple[bytes, float]:
    """All of its stdout, and when `waits_for` stood there. `times` are its beginning and limit."""
    output = bytearray()
    said = began = times[0]
    while chunk := _read(process, times[1]):
        output += chunk
        if waits_for and said == began and waits_for in output:
            said = time.monotonic()
    return bytes(output), said


def _read(process: subprocess.Popen[bytes], deadline: float) -> bytes:
    if process.stdout is None:
        raise ValueError("no pipe")
    ready, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
    if not ready:
        raise BenchmarkError(f"{process.args!r} took too long")
    return os.read(process.stdout.fileno(), 65536)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End all of its session, kindly at first. Its pipe ends when none of it is left."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=_GRACE_S)
            return
