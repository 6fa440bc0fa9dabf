"""A class of submissions graded, beside the least that its containers and waits could take."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import yaml

from benchmarks import attempts
from benchmarks.bench import LABCTL, Bench
from benchmarks.measure import BenchmarkError, Contestant, Rows, Say, alternate
from benchmarks.process import weighed
from labctl.errors import EngineError
from tests.hostile import HOSTILE

GRADE = "labctl grade, each submission"
CONTAINERS = "floor: bare containers, each submission"
WAITS = "floor: what the programs take, each submission"
FLOOR = "floor: the larger of the two"
MEMORY = "labctl grade, memory, MB"

EXERCISE = "mail-once"
SUBMISSIONS = 200
_ANSWERS = Path(__file__).parents[1] / "answers" / EXERCISE
_OF_FLOOR = 64


def measure(bench: Bench, rounds: int, say: Say) -> Rows:
    """Seconds for each submission. Those of the third exercise: right, wrong and hostile ones."""
    with tempfile.TemporaryDirectory() as folder, attempts.bases(bench) as taken:
        handed_in = hand_in(Path(folder, "in"))
        bare = attempts.floor(bench, taken, attempts.NO_OP, _OF_FLOOR, ["-V"])
        seen: list[int] = []

        def containers() -> Mapping[str, float]:
            (each,) = bare().values()
            return {CONTAINERS: each * seen[-1] / SUBMISSIONS}

        contestants: dict[str, Contestant] = {
            GRADE: _grade(Path(folder, "out"), handed_in, seen),
            CONTAINERS: containers,
        }
        rows = alternate(contestants, rounds, say, warm_up=False)
    floors = zip(rows.seconds[CONTAINERS], rows.seconds[WAITS], strict=True)
    rows.seconds[FLOOR] = [max(pair) for pair in floors]
    return rows


def hand_in(folder: Path) -> Path:
    """SUBMISSIONS of them: each hostile one once, and each answer as often as the others."""
    hostile = [one for one in HOSTILE if one.exercise == EXERCISE]
    answers = sorted(one for one in _ANSWERS.iterdir() if one.is_dir())
    for number, answer in enumerate(islice(cycle(answers), SUBMISSIONS - len(hostile))):
        shutil.copytree(answer, folder / f"{number:03}.{answer.name}")
    for number, one in enumerate(hostile):
        # Between the others: submissions are graded in the order of their names.
        place = folder / f"{number * SUBMISSIONS // len(hostile) // 2:03}.{one.name}"
        place.mkdir()
        (place / "client.py").write_text(one.source, "utf-8")
    return folder


def _check(grades: list[dict[str, Any]]) -> None:
    """Each answer has the points that it has where it is graded alone: those of its author."""
    wanted = yaml.safe_load(_ANSWERS.with_suffix(".yaml").read_text("utf-8"))
    for one in grades:
        name = one["id"].partition(".")[2]
        if name in wanted and one["points"] != wanted[name]:
            raise BenchmarkError(f"{one['id']} has {one['points']} points, and not {wanted[name]}")


def _grade(out: Path, handed_in: Path, seen: list[int]) -> Contestant:
    """It also tells how long the programs ran, at that many at once, and the largest memory that
    labctl had; `seen` gets the number of containers.
    """
    command = [*LABCTL, "grade", EXERCISE, str(handed_in), "--out", str(out)]
    command += ["--jobs", str(attempts.AT_ONCE)]

    def run() -> Mapping[str, float]:
        shutil.rmtree(out, ignore_errors=True)
        began = time.monotonic()
        code, kib = weighed(command, output=subprocess.DEVNULL)
        took = time.monotonic() - began
        if code not in (0, EngineError.exit_code):  # some break their labs on purpose
            raise BenchmarkError(f"{' '.join(command)} ended with {code}")
        grades = _grades(out)
        _check(grades)
        parts = [part for grade in grades for part in grade["parts"]]
        seen.append(len(parts))
        waits = sum(part["elapsed_s"] for part in parts) / attempts.AT_ONCE
        return {
            GRADE: took / SUBMISSIONS,
            WAITS: waits / SUBMISSIONS,
            # Rows are printed as thousandths: kilobytes come out as megabytes.
            MEMORY: kib / 1024 / 1000,
        }

    return run


def _grades(out: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((out / "class.json").read_text("utf-8"))["grades"]
    return found
