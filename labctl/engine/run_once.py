"""Runs one program in a container of its own, to see what it writes."""

from __future__ import annotations

import time
from dataclasses import dataclass

from labctl.engine import cleanup
from labctl.engine.runtime import ContainerSpec, ResourceKind, Runtime

_LIMIT_S = 60.0
_LIMIT_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class ProgramOutput:
    """What a program wrote, and its exit code. `stderr` is the last lines of it."""

    exit_code: int
    stdout: str
    stderr: tuple[str, ...]


def run_once(runtime: Runtime, spec: ContainerSpec) -> ProgramOutput:
    """Make a container, run it to its end, remove it, and return what it wrote.

    Raise Refusal if the engine refuses, and TimeoutError if it takes more than a minute.
    """
    container = runtime.create(spec)
    try:
        stream = runtime.attach(container, stdin=spec.has_stdin)
        try:
            runtime.start(container)
            stdout = stream.read(limit=_LIMIT_BYTES, deadline=time.monotonic() + _LIMIT_S)
            exit_code = runtime.wait(container).exit_code
            stderr = tuple(stream.tail)
        finally:
            stream.close()
    finally:
        cleanup.remove(runtime, ResourceKind.CONTAINER, container)
    return ProgramOutput(
        exit_code=exit_code, stdout=stdout.decode("utf-8", "backslashreplace"), stderr=stderr
    )
