"""Commands that need no engine, beside the import of what they are made with."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.bench import LABCTL, Bench
from benchmarks.measure import Contestant, Rows, Say, alternate
from benchmarks.process import timed

BARE = "python -c pass"
TYPER = 'python -c "import typer"'
HELP = "labctl --help"
LIST = "labctl list"
VALIDATE = "labctl validate FILE"
EXPLAIN = "labctl explain FILE"
_TRACEBACK = """\
Traceback (most recent call last):
  File "/app/main.py", line 3, in <module>
    connect()
  File "/usr/lib/python3.13/socket.py", line 864, in create_connection
    raise exceptions[0]
TimeoutError: timed out
"""
"""Of an exception that has more scenarios than most."""


def measure(bench: Bench, rounds: int, say: Say) -> Rows:
    """Seconds of each command."""
    with tempfile.TemporaryDirectory() as folder:
        return _measure(bench, Path(folder), rounds, say)


def _measure(bench: Bench, folder: Path, rounds: int, say: Say) -> Rows:
    file = folder / "traceback.log"
    file.write_text(_TRACEBACK, "utf-8")
    commands = {
        BARE: [sys.executable, "-c", "pass"],
        TYPER: [sys.executable, "-c", "import typer"],
        HELP: [*LABCTL, "--help"],
        LIST: [*LABCTL, "list"],
        VALIDATE: [*LABCTL, "validate", str(bench.scenario.path)],
        EXPLAIN: [*LABCTL, "explain", str(file)],
    }
    return alternate({name: _contestant(name, cmd) for name, cmd in commands.items()}, rounds, say)


def _contestant(name: str, command: list[str]) -> Contestant:
    def run() -> Mapping[str, float]:
        return {name: timed(command).ended}

    return run
