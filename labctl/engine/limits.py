"""Finds out by trying which limits a client's container has: engines claim some that they ignore.

Without limits, a bad client could take the machine down.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from labctl.engine.containers import (
    CLIENT_FILES,
    CLIENT_MEMORY,
    CLIENT_PROCESSES,
    client_container,
)
from labctl.engine.labels import Labels
from labctl.engine.run_once import ProgramOutput, run_once
from labctl.engine.runtime import ContainerSpec, Runtime, doing
from labctl.errors import EngineError

MEMORY: Final = "memory"
PROCESSES: Final = "processes"
FILES: Final = "files in /tmp"

# Each writes one line when it is begun, and another when nothing has stopped it.
_BEGUN, _DONE = "begun", "done"
_PROGRAMS = {
    # A page that was never written to takes no memory.
    MEMORY: f"taken = bytearray(b'x') * {CLIENT_MEMORY * 5 // 4}",
    PROCESSES: f"""
import os
is_over, keep = os.pipe()
for _ in range({CLIENT_PROCESSES}):
    if os.fork() == 0:
        os.close(keep)
        os.read(is_over, 1)
        os._exit(0)
""",
    FILES: f"""
for number in range({CLIENT_FILES}):
    open(f"/tmp/{{number}}", "x").close()
""",
}


def lacking_limits(runtime: Runtime, image: str, run: str) -> list[str]:
    """Run programs in containers made like those of clients, each of which goes beyond a limit.
    Return the limits that were not there. Raise EngineError if a container can't be run.
    """
    return [limit for limit in _PROGRAMS if _is_lacking(runtime, image, run, limit)]


def _is_lacking(runtime: Runtime, image: str, run: str, limit: str) -> bool:
    """Tell whether nothing stopped a program that goes beyond a limit."""
    spec = _container(image, run, limit)
    with doing(f"trying the limit of {limit}"):
        output = run_once(runtime, spec)
    written = output.stdout.split()
    if _BEGUN not in written:
        raise EngineError(f"trying the limit of {limit}: {_last_words(output)}")
    return _DONE in written


def _container(image: str, run: str, limit: str) -> ContainerSpec:
    """Return the spec of a container like a client's, but without a network, that goes beyond a
    limit.
    """
    name = f"labctl-{run}-{limit.partition(' ')[0]}"
    client = client_container(image, name=name, tap="", labels=Labels(run=run).of(()))
    program = f"print({_BEGUN!r}, flush=True)\n{_PROGRAMS[limit]}\nprint({_DONE!r}, flush=True)"
    return replace(
        client,
        place=None,
        has_stdin=False,
        entrypoint=("/labctl/python", "-I", "-S", "-B"),
        command=("-c", program),
    )


def _last_words(output: ProgramOutput) -> str:
    """Return what a program that never began left behind."""
    return " ".join(output.stderr) or f"the program ended with exit code {output.exit_code}"
