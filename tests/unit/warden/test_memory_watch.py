"""What programs have in memory, their processes together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from labctl.warden import memory_watch
from labctl.warden.memory_watch import beyond_limit

MB = 1 << 20
HOLDS = """
import mmap, os, signal, sys
shared, own, children, nameless, is_mapped = map(int, sys.argv[1:])
kept = bytearray(b"x") * shared
if nameless:
    file = os.memfd_create("x")
    os.write(file, b"x" * nameless)
    if is_mapped:
        mapped = mmap.mmap(file, nameless)
        for at in range(0, nameless, mmap.PAGESIZE):
            mapped[at]
for _ in range(children):
    if not os.fork():
        break
more = bytearray(b"x") * own
os.write(1, b".")
signal.pause()
"""
BASE = 30 * MB
"""More than an interpreter needs for itself."""


@contextmanager
def program(
    *, shared: int = 0, own: int = 0, children: int = 0, nameless: int = 0, is_mapped: bool = False
) -> Iterator[int]:
    """A program, by its first process, whose processes share some memory, and have some more. One
    file without a name is open in all of them.
    """
    numbers = (shared, own, children, nameless, int(is_mapped))
    command = [sys.executable, "-I", "-S", "-c", HOLDS, *map(str, numbers)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            assert process.stdout
            assert len(process.stdout.read(1 + children)) == 1 + children
            yield process.pid
        finally:
            os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture(autouse=True)
def _sessions_stand_for_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    def session(pid: int) -> str:
        with suppress(OSError):
            return str(os.getsid(pid))
        return ""

    monkeypatch.setattr(memory_watch, "_namespace", session)


def test_a_process_has_what_it_wrote_to() -> None:
    with program(own=60 * MB) as pid:
        assert beyond_limit({pid: 50 * MB}) == [pid]
        assert beyond_limit({pid: 60 * MB + BASE}) == []


def test_the_processes_of_a_program_count_together() -> None:
    with program(own=30 * MB, children=3) as pid:
        assert beyond_limit({pid: 110 * MB}) == [pid]
        assert beyond_limit({pid: 120 * MB + 4 * BASE}) == []


def test_memory_that_processes_share_counts_once() -> None:
    with program(shared=60 * MB, children=4) as pid:
        assert beyond_limit({pid: 60 * MB + 2 * BASE}) == []
        assert beyond_limit({pid: 60 * MB}) == [pid]


@pytest.mark.parametrize("is_mapped", [False, True])
@pytest.mark.parametrize("children", [0, 3])
def test_files_in_memory_count_once(children: int, is_mapped: bool) -> None:
    with program(nameless=60 * MB, children=children, is_mapped=is_mapped) as pid:
        assert beyond_limit({pid: 59 * MB}) == [pid]
        assert beyond_limit({pid: 60 * MB + 2 * BASE - 10 * MB}) == []


def test_programs_count_for_themselves() -> None:
    """Neither for each other, nor does anything else that runs here."""
    with ExitStack() as stack:
        large = stack.enter_context(program(own=60 * MB))
        small = [stack.enter_context(program(own=MB)) for _ in range(2)]
        limits = {small[0]: BASE, large: 50 * MB, small[1]: BASE}
        assert beyond_limit(limits) == [large]
        assert beyond_limit({**limits, small[1]: MB}) == [large, small[1]]


def test_a_program_that_has_ended_has_no_memory() -> None:
    with program() as pid, program() as ended:
        os.kill(ended, signal.SIGKILL)
        os.waitid(os.P_PID, ended, os.WEXITED | os.WNOWAIT)
        assert beyond_limit({ended: 0, pid: 0}) == [pid]
    assert beyond_limit({ended: 0}) == []
    assert beyond_limit({}) == []


def test_without_a_seam_programs_are_told_by_their_namespace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    assert memory_watch._namespace(os.getpid()).startswith("pid:[")  # noqa: SLF001
    with program() as pid:
        pass
    assert memory_watch._namespace(pid) == ""  # noqa: SLF001
