"""What is known of the process that a label names."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from labctl.engine import process
from labctl.engine.process import Life, life_of, own_process


def name_of(pid: int) -> str:
    """What the label of a process says that runs."""
    started = Path(f"/proc/{pid}/stat").read_text("ascii").split()[21]
    return f"{own_process().partition('/')[0]}/{pid}/{started}"


@pytest.mark.parametrize("is_listed", [False, True])
def test_a_process_that_can_not_be_read_has_ended_only_where_its_id_is_in_no_use(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_listed: bool
) -> None:
    with subprocess.Popen(["sleep", "60"]) as sleeping:
        name = name_of(sleeping.pid)
        if is_listed:
            (tmp_path / str(sleeping.pid) / "stat").mkdir(parents=True)  # what nobody can read
        monkeypatch.setattr(process, "_PROCESSES", tmp_path)
        life = life_of(name)
        sleeping.kill()
    assert life is Life.UNKNOWN
    assert life_of(name) is Life.ENDED


def test_an_id_that_no_process_can_have_is_in_no_use() -> None:
    assert life_of(name_of(1).replace("/1/", f"/{10**30}/")) is Life.ENDED


def test_a_process_that_can_be_read_runs_or_has_ended() -> None:
    assert life_of(own_process()) is Life.RUNS
    assert life_of(own_process() + "0") is Life.ENDED, "its id is used again"


@pytest.mark.parametrize("name", ["", "elsewhere/1/1", "nonsense"])
def test_of_a_process_elsewhere_nothing_is_known(name: str) -> None:
    assert life_of(name) is Life.UNKNOWN
