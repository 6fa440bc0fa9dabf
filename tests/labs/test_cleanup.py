"""Whatever ends a run, nothing of it stays on the engine, and results already won are kept."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.labs.conftest import labctl
from tests.labs.footprints import Footprint

LIMIT_S = 60


def start(*args: str) -> subprocess.Popen[str]:
    """A labctl in the background, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "labctl", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ.copy(),
    )


def guards(run: subprocess.Popen[str]) -> list[int]:
    """The processes that a labctl has started."""
    children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text("ascii")
    return [int(child) for child in children.split()]


def until(condition: Callable[[], object], what: str, *, limit_s: float = LIMIT_S) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come about within {limit_s} s"
        time.sleep(0.01)


PHASES: dict[str, Callable[[Footprint], object]] = {
    "services are there": lambda footprint: has(footprint, "services"),
    "the tap is there": lambda footprint: has(footprint, "tap"),
    "a client is there": lambda footprint: has(footprint, "client"),
}


def has(footprint: Footprint, part: str) -> bool:
    """Whether there is a container with that in its name."""
    return any(part in name for name in footprint.containers())


BY_TURNS = [
    pytest.param(phase, number, marks=[pytest.mark.whole] if (place + turn) % 2 else [])
    for place, phase in enumerate(PHASES)
    for turn, number in enumerate([signal.SIGINT, signal.SIGTERM])
]
"""Each phase with each signal; in the default run, with one of them."""


@pytest.mark.parametrize(("phase", "number"), BY_TURNS)
def test_a_signal_at_any_phase_leaves_nothing(
    footprint: Footprint, phase: str, number: signal.Signals
) -> None:
    run = start("run", "filtered-port", "--repeat", "5", "--jobs", "2")
    until(lambda: PHASES[phase](footprint), phase)
    run.send_signal(number)
    out, err = run.communicate(timeout=LIMIT_S)
    assert run.returncode == 128 + number, (out, err)
    assert footprint.all() == []
    assert "Traceback" not in err


def test_a_second_ctrl_c_does_not_cut_the_cleaning_short(footprint: Footprint) -> None:
    run = start("run", "filtered-port", "--repeat", "5")
    until(lambda: PHASES["a client is there"](footprint), "a client")
    for _ in range(3):
        run.send_signal(signal.SIGINT)
        time.sleep(0.05)
    _, err = run.communicate(timeout=LIMIT_S)
    assert run.returncode == 130, err
    assert footprint.all() == []
    assert "Traceback" not in err


@pytest.mark.both
def test_sigkill_leaves_nothing_after_a_moment(footprint: Footprint) -> None:
    run = start("run", "filtered-port", "--repeat", "5")
    until(lambda: PHASES["a client is there"](footprint), "a client")
    run.kill()
    run.communicate()
    until(lambda: not footprint.all(), "an engine without leftovers")


def test_an_interrupted_run_keeps_the_results_it_has(footprint: Footprint, tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    run = start(
        "run", "refused-port", "--repeat", "400", "--jobs", "2", "--json", str(file)
    )  # fmt: skip
    seen: set[str] = set()

    def made() -> int:
        seen.update(name for name in footprint.containers() if "-client-" in name)
        return len(seen)

    # Two are at work at a time: with five made, three have ended.
    until(lambda: made() >= 5, "clients")
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=LIMIT_S)
    document: dict[str, Any] = json.loads(file.read_text("utf-8"))
    assert run.returncode == 130
    assert document["interrupted"] is True
    assert 0 < len(document["attempts"]) < 2000
    assert {one["verdict"] for one in document["attempts"]} == {"pass"}


def test_a_run_that_ends_well_leaves_nothing(footprint: Footprint) -> None:
    assert labctl("run", "refused-port").code == 0
    assert footprint.all() == []


def test_a_kept_lab_stays_until_clean(footprint: Footprint) -> None:
    kept = labctl("run", "refused-port", "--attempt", "smtplib", "--keep")
    assert kept.code == 0, kept.err
    other = labctl("run", "refused-port", "--attempt", "smtplib", "--keep")
    [run] = re.findall("labctl clean ([0-9a-f]{8}) removes it", " ".join(other.err.split()))
    assert len(footprint.containers()) == 4
    cleaned = labctl("clean", run)
    assert cleaned.out.startswith("removed 2 containers, ")
    again = labctl("clean", run)
    assert again.code == 2
    assert f"no run {run} has anything on this engine" in again.err
    assert len(footprint.containers()) == 2
    cleaned = labctl("clean")
    assert cleaned.out.startswith("removed 2 containers, ")
    assert footprint.all() == []


@pytest.mark.docker
def test_clean_removes_what_a_labctl_has_left_that_was_killed_with_its_guard(
    footprint: Footprint,
) -> None:
    """On the local engine, labs end with their labctl, and there are no guards."""
    run = start("run", "filtered-port", "--repeat", "5")
    until(lambda: PHASES["a client is there"](footprint), "a client")
    for guard in guards(run):
        os.kill(guard, signal.SIGKILL)
    run.kill()
    run.communicate()
    assert footprint.containers()
    cleaned = labctl("clean")
    assert cleaned.err == ""
    assert footprint.all() == []


def test_clean_leaves_running_labs_alone(footprint: Footprint) -> None:
    run = start("run", "filtered-port", "--repeat", "3", "--attempt", "socket")
    until(lambda: PHASES["a client is there"](footprint), "a client")
    cleaned = labctl("clean")
    assert cleaned.out == "removed 0 containers, 0 networks, 0 volumes\n"
    assert "left alone" in cleaned.err
    out, err = run.communicate(timeout=LIMIT_S)
    assert run.returncode == 0, (out, err)


def test_clean_all_takes_running_labs_too_and_their_run_ends_as_an_error(
    footprint: Footprint, tmp_path: Path
) -> None:
    file = tmp_path / "result.json"
    seen: set[str] = set()

    def some_have_ended() -> bool:
        """Whether there were more clients than can be at work, or prepared, at once."""
        seen.update(name for name in footprint.containers() if "client" in name)
        return len(seen) > 2 * 4

    run = start("run", "refused-port", "--repeat", "50", "--jobs", "4", "--json", str(file))
    until(some_have_ended, "a ninth client")
    cleaned = labctl("clean", "--all")
    assert (cleaned.code, cleaned.err) == (0, "")
    out, err = run.communicate(timeout=LIMIT_S)
    assert run.returncode == 4, (out, err)
    assert "Traceback" not in err
    assert footprint.all() == []
    document: dict[str, Any] = json.loads(file.read_text("utf-8"))
    assert {one["verdict"] for one in document["attempts"]} == {"pass", "error"}
    assert document["summary"]["error"] > document["summary"]["pass"] > 0
    assert document["interrupted"] is False
