"""The end of a warden's process, as labctl sees it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError

import pytest

from labctl.engine.local.warden_process import ends_within


@pytest.fixture(params=[True, False], ids=["pidfd", "no pidfd"], autouse=True)
def _files_of_processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the kernel, or a filter of system calls, lets us have files for processes."""

    def refuse(pid: int) -> int:
        raise PermissionError(1, f"no file for {pid}")

    if not request.param:
        monkeypatch.setattr(os, "pidfd_open", refuse)


@pytest.fixture
def waiting() -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with its stdin."""
    command = [sys.executable, "-S", "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        yield process


def test_a_process_that_goes_on(waiting: subprocess.Popen[bytes]) -> None:
    assert not ends_within(waiting, 0.05)


def test_a_process_whose_end_another_thread_asks_for(waiting: subprocess.Popen[bytes]) -> None:
    """Popen.poll then says that it goes on."""
    lock: threading.Lock = vars(waiting)["_waitpid_lock"]
    assert waiting.stdin is not None
    with ThreadPoolExecutor(1) as pool:
        with lock:
            waiting.stdin.close()
            seen = pool.submit(ends_within, waiting, 60)
            with pytest.raises(FutureTimeoutError):
                seen.result(0.3)
        assert seen.result(60)


def test_a_process_that_ends(waiting: subprocess.Popen[bytes]) -> None:
    assert waiting.stdin is not None
    waiting.stdin.close()
    assert ends_within(waiting, 60)
    assert ends_within(waiting, 0)
