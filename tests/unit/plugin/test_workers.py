"""Under pytest-xdist, each worker has labs of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.unit.plugin.inner import Inner

ROOT = Path(__file__).parents[3]


def run(*args: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, since workers are, too."""
    plugins = [
        word
        for name in ("labctl.plugin", "xdist", "tests.unit.plugin.fake")
        for word in ("-p", name)
    ]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, "-p", "no:cacheprovider", *args],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        timeout=60,
    )


@pytest.fixture
def project(inner: Inner) -> Inner:
    for name in ("one", "two"):
        inner.scenario(name)
    inner.scenario("wrong", expect="{raises: TimeoutError}")
    inner.write(
        "test_it.py",
        "def fetch(host, port): pass\n"
        "def test_seen(lab):\n"
        "    assert lab.run('refused-port', fetch).raised('TimeoutError')\n",
    )
    return inner


def test_each_worker_has_a_lab_and_takes_it_down(project: Inner) -> None:
    done = run("-n2", "--labctl-python=3.9,3.13", "--dist=each", "--tx=2*popen")
    assert "8 failed, 8 passed" in done.stdout
    said = Counter((project.folder / "said.txt").read_text().splitlines())
    assert said["lab one up"] == said["lab one down"] == 2


def test_what_failed_is_shown_as_without_workers(project: Inner) -> None:
    done = run("-n2")
    assert done.returncode == 1
    assert "2 failed, 2 passed" in done.stdout
    assert "\n✘ fail  wrong/smtplib  3.13.5   0.04 s  Connection" in done.stdout
    assert "\n    expected TimeoutError, but ConnectionRefusedError was raised" in done.stdout
    assert "- lab: refused-port, fetch on Python 3.13 -" in done.stdout
    assert "  ╰▶ ConnectionRefusedError: refused\n" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert project.folder.exists()
