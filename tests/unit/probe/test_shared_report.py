"""The memory that supervisor and child share."""

from __future__ import annotations

import os
import posix
from collections.abc import Iterator
from pathlib import Path

import pytest

from labctl.probe.shared_report import (
    KEY_SIZE,
    SLOT_SIZE,
    SLOTS,
    SharedReport,
    count_reports,
    create_memory,
    parse_wake_bytes,
    read_reports,
)

REQUEST = b'{"source": "x = 1"}\n'
SECRET = bytes(range(KEY_SIZE))


@pytest.fixture(params=["memfd", "file"])
def memory_fd(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A sheet, on both kinds of memory."""
    if request.param == "file":
        monkeypatch.delattr(posix, "memfd_create")
    fd = create_memory(REQUEST, SECRET)
    yield fd
    os.close(fd)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe: its end to read from, and its end to write to."""
    ends = os.pipe()
    yield ends
    for fd in ends:
        os.close(fd)


def child_side(fd: int, wake: int) -> SharedReport:
    return SharedReport(os.dup(fd), len(REQUEST), wake)


def sealed(fd: int) -> tuple[list[bytes], int]:
    return read_reports(fd, len(REQUEST), SECRET)


def descriptors() -> list[str]:
    return sorted(path.name for path in Path("/proc/self/fd").iterdir())


def test_request_and_reports_arrive(memory_fd: int, pipe: tuple[int, int]) -> None:
    child = child_side(memory_fd, pipe[1])
    assert child.request == REQUEST
    assert sealed(memory_fd) == ([], 0)
    child.add(b"first")
    child.add(b"second, longer")
    assert sealed(memory_fd) == ([b"second, longer", b"first"], 0)
    assert count_reports(memory_fd, len(REQUEST)) == 2
    assert os.read(pipe[0], 10) == b".."


def test_children_inherit_the_sheet_and_nothing_is_left_in_tmp(memory_fd: int) -> None:
    assert os.get_inheritable(memory_fd)
    assert os.fstat(memory_fd).st_nlink == 0


def test_no_descriptor_of_the_sheet_is_left_to_the_client(
    memory_fd: int, pipe: tuple[int, int]
) -> None:
    before = descriptors()
    child = child_side(memory_fd, pipe[1])
    assert descriptors() == before
    child.add(b"still works")
    assert sealed(memory_fd) == ([b"still works"], 0)


def test_reports_that_are_too_many_are_dropped(memory_fd: int, pipe: tuple[int, int]) -> None:
    child = child_side(memory_fd, pipe[1])
    for number in range(SLOTS + 1):
        child.add(b"%d" % number)
    assert sealed(memory_fd) == ([b"2", b"1", b"0"], 0)


def test_report_that_is_too_long_is_an_error(memory_fd: int, pipe: tuple[int, int]) -> None:
    child = child_side(memory_fd, pipe[1])
    child.add(b"x" * (SLOT_SIZE - 24))
    long = SLOT_SIZE - 23
    with pytest.raises(
        ValueError, match=f"a report of {long} bytes doesn't fit in {SLOT_SIZE - 24}"
    ):
        child.add(b"x" * long)


def test_closed_wake_pipe_is_no_harm(memory_fd: int) -> None:
    read, write = os.pipe()
    child = child_side(memory_fd, write)
    os.close(read)
    os.close(write)
    child.add(b"unheard")
    assert sealed(memory_fd) == ([b"unheard"], 0)


def test_the_key_is_taken_away_and_what_lacks_it_is_no_report(
    memory_fd: int, pipe: tuple[int, int]
) -> None:
    child = child_side(memory_fd, pipe[1])
    assert SECRET not in os.pread(memory_fd, SLOT_SIZE, 0)
    child.add(b"real")
    third = len(REQUEST) + 2 * SLOT_SIZE
    os.pwrite(memory_fd, b"forged", third + 8 + KEY_SIZE)
    os.pwrite(memory_fd, (6).to_bytes(8, "little"), third)
    assert sealed(memory_fd) == ([b"real"], 1)


def test_nothing_is_written_to_what_has_the_number_of_the_closed_pipe(memory_fd: int) -> None:
    read, write = os.pipe()
    child = child_side(memory_fd, write)
    other_read, other_write = os.pipe()
    os.dup2(other_write, write)  # as a socket of the client's may get the number
    child.add(b"unheard")
    os.set_blocking(other_read, False)
    with pytest.raises(BlockingIOError):
        os.read(other_read, 1)
    for fd in (read, write, other_read, other_write):
        os.close(fd)


def test_a_mark_is_in_the_pipe_at_once(memory_fd: int, pipe: tuple[int, int]) -> None:
    child_side(memory_fd, pipe[1]).send_mark(b"g")
    assert os.read(pipe[0], 10) == b"g"


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (b"", (b"", False)),
        (b"..", (b"", False)),
        (b"g.g.", (b"g", False)),
        (b"...", (b"", True)),
        (b'..{"x": 1}', (b"", True)),
    ],
)
def test_what_came_through_the_pipe(said: bytes, found: tuple[bytes, bool]) -> None:
    assert parse_wake_bytes(said, 2) == found
