"""Verdicts and grades on a machine that is busy: those that they are on one that is not.

The whole run has its own processes that spin, at a load of at least 20: so many processes run or
want to run.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import mean
from textwrap import dedent
from typing import Any

import pytest

from tests.labs.conftest import JOBS, labctl
from tests.labs.footprints import Footprint
from tests.labs.test_grading import ANSWERS, EXERCISES, expected, grades
from tests.spinning import SPIN, THREADS, spinning

CLIENTS = ("smtplib", "asyncio", "requests")
LEAST_LOAD = 20
SPINNERS = 20
SPINNERS_BESIDE = 4
"""Beside many runs, which are a load of their own."""
RUNS = 20
ROUNDS = int(os.environ.get("LAB_TEST_ROUNDS", "10"))
RIGHT = 8
GRADINGS = int(os.environ.get("LAB_TEST_GRADINGS", "3"))
GONE_S = 15
"""After so long, nothing of a run is left on the engine."""

CHILDREN = """
    import os
    for _ in range(50):
        if os.fork() == 0:
            break
    while True:
        pass
"""
BURSTS = """
    import os, time
    while True:
        for _ in range(10):
            if os.fork() == 0:
                end = time.monotonic() + 0.003
                while time.monotonic() < end:
                    pass
                os._exit(0)
        for _ in range(10):
            os.wait()
        time.sleep(0.01)
"""
SLEEP = "import time\ntime.sleep(600)"
EXCUSES = {"spin": SPIN, "threads": THREADS, "children": CHILDREN, "bursts": BURSTS, "sleep": SLEEP}


@pytest.fixture(scope="module", autouse=True)
def _alone(turn: int) -> None:
    """Wait until no other worker has tests to run: those would be on a busy machine, too."""
    fcntl.flock(turn, fcntl.LOCK_EX)


class Load:
    """How many processes ran or wanted to run, looked at every now and then."""

    def __init__(self) -> None:
        self._samples: list[int] = []
        self._has_ended = threading.Event()

    def look(self) -> None:
        while not self._has_ended.wait(0.2):
            lines = Path("/proc/stat").read_text("ascii").splitlines()
            self._samples += [int(one.split()[1]) for one in lines if "procs_running" in one]

    def end(self) -> float:
        """Stop looking, and return the mean."""
        self._has_ended.set()
        return mean(self._samples)


@contextmanager
def busy(spinners: int) -> Iterator[Load]:
    """So many processes that spin, until the context ends."""
    load = Load()
    looking = threading.Thread(target=load.look)
    with spinning(spinners):
        looking.start()
        try:
            yield load
        finally:
            load.end()
            looking.join()


def run_core(folder: Path, number: int) -> list[dict[str, Any]]:
    """Run the core scenarios with three of their clients, and return the results."""
    file = folder / f"{number}.json"
    chosen = [part for name in CLIENTS for part in ("--attempt", name)]
    done = labctl("run", *chosen, "--json", file)
    assert file.exists(), done.err
    attempts: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))["attempts"]
    return attempts


def run_side_by_side(folder: Path, runs: int) -> list[dict[str, Any]]:
    """Run the core scenarios so many times at once, and return all results."""
    with ThreadPoolExecutor(runs) as pool:
        return [
            one for some in pool.map(lambda n: run_core(folder, n), range(runs)) for one in some
        ]


def told(results: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """What of some results has to be said where a test fails."""
    return [
        (one["scenario"], one["attempt"], one["verdict"], *one["reasons"])
        for one in results
        if one["verdict"] != "pass"
    ]


def all_gone(footprint: Footprint) -> bool:
    """Tell whether nothing is left on the engine, within the time for that."""
    deadline = time.monotonic() + GONE_S
    while footprint.all() and time.monotonic() < deadline:
        time.sleep(0.2)
    return not footprint.all()


def check_verdicts(results: list[dict[str, Any]], *, inconclusive: int) -> None:
    """Fail unless all passed, but for so many of which nobody can tell."""
    verdicts = Counter(one["verdict"] for one in results)
    assert not {"fail", "error"} & verdicts.keys(), told(results)
    assert verdicts["inconclusive"] <= inconclusive, told(results)


def test_a_few_runs_at_once(tmp_path: Path, footprint: Footprint) -> None:
    with busy(4):
        results = run_side_by_side(tmp_path, 3)
    check_verdicts(results, inconclusive=0)
    assert all_gone(footprint)


@pytest.mark.whole
def test_many_runs_at_once(tmp_path: Path, footprint: Footprint) -> None:
    results: list[dict[str, Any]] = []
    with busy(SPINNERS_BESIDE) as load:
        for number in range(ROUNDS):
            folder = tmp_path / str(number)
            folder.mkdir()
            results += run_side_by_side(folder, RUNS)
            assert all_gone(footprint), footprint.all()
    assert load.end() >= LEAST_LOAD
    check_verdicts(results, inconclusive=len(results) // 100)


def excuse_seekers(folder: Path, *, limit_s: float) -> dict[str, str]:
    """Run clients that keep the processors busy, judged by a policy; their verdicts."""
    verdicts = {}
    for name, source in EXCUSES.items():
        client, file = folder / f"{name}.py", folder / f"{name}.json"
        client.write_text(dedent(source), "utf-8")
        asked = ("--client", client, "--policy", "default", "--timeout", str(limit_s))
        labctl("run", "refused-port", *asked, "--json", file)
        (one,) = json.loads(file.read_text("utf-8"))["attempts"]
        verdicts[name] = one["verdict"]
    return verdicts


def test_nobody_has_an_excuse_by_keeping_the_processors_busy(tmp_path: Path) -> None:
    assert set(excuse_seekers(tmp_path, limit_s=2).values()) == {"fail"}


@pytest.mark.whole
def test_nor_is_a_busy_machine_one_for_them(tmp_path: Path) -> None:
    with busy(SPINNERS):
        assert set(excuse_seekers(tmp_path, limit_s=4).values()) == {"fail"}


@pytest.mark.whole
@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_same_work_gets_the_same_marks(tmp_path: Path, exercise: str) -> None:
    points = expected(exercise)
    handed_in = tmp_path / "in"
    for name in points:
        for number in range(RIGHT if name == "model" else 1):
            shutil.copytree(ANSWERS / exercise / name, handed_in / f"{name}.{number}")
    names = [folder.name for folder in handed_in.iterdir()]
    with busy(SPINNERS):
        for number in range(GRADINGS):
            out = tmp_path / f"out{number}"
            done = labctl("grade", exercise, handed_in, "--out", out, *JOBS)
            found = grades(out)
            assert {name: (one["state"], one["points"]) for name, one in found.items()} == {
                name: ("graded", points[name.partition(".")[0]]) for name in names
            }, done.err
            assert done.code == 0, done.err
