"""What the probe takes for starvation: waiting for a processor that others have."""

from __future__ import annotations

import os
import posix
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from labctl.probe.run_delay import RunDelay, _Count
from tests.spinning import SPIN, THREADS, spinning
from tests.unit.probe.conftest import Probe

MS = 1_000_000


class Recorded(RunDelay):
    """Samples that are given, in milliseconds: of each thread how long it ran and was delayed, and
    how long all of the container ran.
    """

    def __init__(self) -> None:
        super().__init__(os.getpid())
        self.threads: dict[str, tuple[int, int]] = {}
        self.usage = 0
        self.begin()

    def _threads(self) -> Iterator[tuple[str, tuple[int, int]]]:
        yield from self.threads.items()

    def _usage(self) -> int:
        return self.usage

    def then(self, usage: int = 0, **threads: tuple[int, int]) -> float:
        """Take a sample, and return what is starved so far."""
        self.threads = {name: (ran * MS, delayed * MS) for name, (ran, delayed) in threads.items()}
        self.usage = usage * MS
        self.sample()
        return self.starved / MS


def test_a_single_thread_is_starved_while_it_waits() -> None:
    delay = Recorded()
    assert delay.then(a=(100, 0)) == 0
    assert delay.then(a=(150, 900)) == 900
    assert delay.then(a=(150, 900)) == 900


def test_what_was_before_the_beginning_does_not_count() -> None:
    delay = Recorded()
    delay.then(a=(100, 700))
    delay.begin()
    assert delay.then(a=(100, 800)) == 100


def test_a_thread_that_waits_for_its_own_clients_threads_is_not_starved() -> None:
    delay = Recorded()
    assert delay.then(a=(500, 500), b=(500, 500)) == 0
    assert delay.then(a=(600, 1500), b=(600, 1500)) == 900
    assert delay.ran == 1200 * MS


def test_nor_one_that_waits_for_processes_that_have_ended_meanwhile() -> None:
    delay = Recorded()
    assert delay.then(usage=1000, a=(10, 900)) == 0
    assert delay.ran == 1000 * MS


def test_a_thread_that_is_new_counts_from_its_start() -> None:
    delay = Recorded()
    delay.then(a=(10, 0))
    assert delay.then(a=(10, 0), b=(5, 300)) == 290


def test_what_was_starved_stays_so_when_the_thread_has_ended() -> None:
    delay = Recorded()
    delay.then(a=(10, 300))
    assert delay.then(b=(900, 0)) == 300


@contextmanager
def on_one_processor(processes: int) -> Iterator[None]:
    """This process, and all that it starts, share one processor with processes that spin."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        with spinning(processes, own_sessions=True):
            yield
    finally:
        os.sched_setaffinity(0, allowed)


@pytest.mark.parametrize(
    ("source", "least_s"),
    [
        pytest.param(SPIN, 0.2, id="loop"),
        # Threads of Python take turns, and the kernel lets those run first that just slept: how
        # long they are starved is chance.
        pytest.param(THREADS, 0.0, id="threads"),
    ],
)
def test_a_client_has_its_limit_beside_what_it_is_starved(
    this_probe: Probe, source: str, least_s: float
) -> None:
    with on_one_processor(4):
        report = this_probe(source, limit_s=0.3)
    assert report["outcome"] == "timed-out"
    assert report["starved_s"] >= least_s
    assert report["elapsed_s"] - report["starved_s"] == pytest.approx(0.3, abs=0.15)


def test_one_that_sleeps_is_not_starved(this_probe: Probe) -> None:
    with on_one_processor(4):
        report = this_probe("import time; time.sleep(20)", limit_s=0.5)
    assert report["outcome"] == "timed-out"
    assert report["starved_s"] < report["elapsed_s"] / 2


def _spin_and_end(cpu_s: float) -> None:
    """Let a child run for so long, and wait for its end."""
    program = f"import time\nwhile time.process_time() < {cpu_s}: pass"
    subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True)


def test_without_a_cgroup_a_child_that_has_ended_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    # Those of others come and go: here, they are no processes of a container's.
    monkeypatch.setattr(posix, "listdir", lambda _: [])
    count = _Count()
    before = count.take()
    _spin_and_end(0.2)
    assert count.take() - before >= 150 * MS  # the kernel tells it in hundredths of a second


UNWAITED = """
import os, signal, sys, time
from labctl.probe.run_delay import _Count

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
count = _Count()
before = count.take()
reading, writing = os.pipe()
if (pid := os.fork()) == 0:
    while time.process_time() < 0.2:
        pass
    os.write(writing, b"x")
    signal.pause()
os.read(reading, 1)
count.take()
os.kill(pid, signal.SIGKILL)
try:
    os.wait()
except ChildProcessError:
    pass
print(count.take() - before)
"""


def test_without_a_cgroup_a_child_counts_that_nobody_waits_for_but_that_was_seen() -> None:
    done = subprocess.run([sys.executable, "-c", UNWAITED], capture_output=True, check=True)
    assert int(done.stdout) >= 200 * MS
