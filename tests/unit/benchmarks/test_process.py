"""Commands that are timed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import process
from benchmarks.measure import BenchmarkError
from benchmarks.process import timed, weighed


def _python(source: str) -> list[str]:
    return [sys.executable, "-c", source]


def test_what_is_waited_for_is_noted_before_the_end() -> None:
    source = "import time; print('now', flush=True); time.sleep(0.5)"
    timing = timed(_python(source), waits_for=b"now")
    assert 0 < timing.said < timing.ended - 0.4


def test_a_command_that_fails_is_an_error_with_its_last_words() -> None:
    with pytest.raises(BenchmarkError, match=r"(?s)ended with 3:\nheard.*why"):
        timed(_python("import sys; print('heard'); sys.stderr.write('why'); sys.exit(3)"))


def test_a_command_that_does_not_say_it_is_an_error() -> None:
    with pytest.raises(BenchmarkError, match="ended with 0:\nelse"):
        timed(_python("print('else')"), waits_for=b"now")


def test_nothing_of_an_interrupted_command_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell's own children, too: they would go on making containers."""

    def interrupted(_process: subprocess.Popen[bytes], _deadline: float) -> bytes:
        while not (tmp_path / "running").exists():
            time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr(process, "_read", interrupted)
    script = f"cd {tmp_path}; (touch running; sleep 2; touch survived); true"
    with pytest.raises(KeyboardInterrupt):
        timed(["sh", "-c", script])
    assert _never((tmp_path / "survived").exists, for_s=2.5)


def _never(happened: Callable[[], bool], *, for_s: float) -> bool:
    deadline = time.monotonic() + for_s
    while time.monotonic() < deadline:
        if happened():
            return False
        time.sleep(0.05)
    return True


def test_memory_is_that_of_the_command_and_not_of_who_starts_it() -> None:
    here = b"x" * (200 << 20)
    code, kib = weighed([sys.executable, "-ISc", "there = b'x' * (50 << 20); raise SystemExit(3)"])
    assert code == 3
    assert (50 << 10) < kib < (len(here) >> 10)
