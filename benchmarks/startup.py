"""Commands that need no engine, beside the import of what they are made with."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from benchmarks.bench import LABCTL, Bench
from benchmarks.measure import Contestant, Rows, Say, alternate
from benchmarks.process import timed

BARE = "python -c pass"
TYPER = 'python -c "import typer"'
HELP = "labctl --help"
LIST = "labctl list"
VALIDATE = "labctl validate FILE"


def measure(bench: Bench, rounds: int, say: Say) -> Rows:
    """Seconds of each command."""
    commands = {
        BARE: [sys.executable, "-c", "pass"],
        TYPER: [sys.executable, "-c", "import typer"],
        HELP: [*LABCTL, "--help"],
        LIST: [*LABCTL, "list"],
        VALIDATE: [*LABCTL, "validate", str(bench.scenario.path)],
    }
    return alternate({name: _contestant(name, cmd) for name, cmd in commands.items()}, rounds, say)


def _contestant(name: str, command: list[str]) -> Contestant:
    def run() -> Mapping[str, float]:
        return {name: timed(command).ended}

    return run
