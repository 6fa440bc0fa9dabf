"""Many labs at once on the local engine: how long each takes to be ready, and its memory."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from benchmarks.attempts import AT_ONCE
from benchmarks.bench import ATTEMPT, Bench, container_engine
from benchmarks.measure import Rows, Say, alternate
from labctl.engine.access import open_named
from labctl.engines import EngineName
from labctl.run.plan import plan

LABS = 50
READY = f"{LABS} labs on the local engine: each"
MEMORY = f"{LABS} labs on the local engine: MB, each"


def measure(bench: Bench, rounds: int, say: Say) -> Rows:
    """Seconds until a lab is ready, and the memory that the machine has less when all are."""

    def run() -> Mapping[str, float]:
        engine = container_engine(open_named(EngineName.LOCAL), bench.run)
        [lab] = plan([bench.scenario], interpreters=[bench.local], attempts=[ATTEMPT]).labs
        before = _available_kib()
        with ExitStack() as stack, ThreadPoolExecutor(AT_ONCE) as pool:
            began = time.monotonic()

            def start(_: int) -> None:
                running = stack.enter_context(engine.lab(lab))
                running.wait_until_ready()
                stack.enter_context(running.tap())

            list(pool.map(start, range(LABS)))
            took = time.monotonic() - began
            used_kib = before - _available_kib()
        # Rows are printed as thousandths: kilobytes come out as megabytes.
        return {READY: took / LABS, MEMORY: used_kib / LABS / 1024 / 1000}

    return alternate({READY: run}, rounds, say)


def _available_kib() -> int:
    found = re.search(r"MemAvailable:\s+(\d+)", Path("/proc/meminfo").read_text("ascii"))
    return int(found[1]) if found else 0
