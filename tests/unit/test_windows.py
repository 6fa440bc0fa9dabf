"""labctl without what Windows lacks: it is imported and run where that is taken away."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from labctl.load.bundled import bundled_folder
from tests.unit import windows

LIMIT_S = 120
ROOT = Path(__file__).parents[2]


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.unit.windows", *args],
        capture_output=True, encoding="utf-8", timeout=LIMIT_S, check=False, cwd=ROOT,
        env={**os.environ, "DOCKER_HOST": "tcp://127.0.0.1:9"},
    )  # fmt: skip


def test_every_module_but_those_of_containers_is_imported() -> None:
    done = run()
    assert done.stderr == ""
    assert done.stdout == f"imported {len(windows.modules())}\n"
    assert len(windows.modules()) > 250


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--help"], "Usage: "),
        (["list"], "refused-port"),
        (["validate", str(bundled_folder("scenarios") / "tcp" / "refused-port.yaml")], ": ok"),
        (["explain", "ConnectionResetError"], "reset-on-read"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_verbs_that_need_no_engine(args: list[str], said: str) -> None:
    done = run(*args)
    assert (done.returncode, done.stderr) == (0, "")
    assert said in done.stdout


def test_a_verb_that_finds_no_engine_says_what_to_start() -> None:
    done = run("run", "refused-port")
    assert done.returncode == 4
    assert "start Docker Desktop" in done.stderr
