"""The copy of the interpreter: it runs, and nobody can change it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from labctl.engine.local.interpreter import interpreter_copy


def test_it_is_this_interpreter() -> None:
    copy = interpreter_copy()
    assert os.pread(copy, 1 << 30, 0) == Path("/proc/self/exe").read_bytes()
    assert interpreter_copy() == copy


def test_nobody_can_write_to_it() -> None:
    copy = interpreter_copy()
    with pytest.raises(OSError, match="not permitted"):
        os.pwrite(copy, b"x", 0)
    with pytest.raises(OSError, match="not permitted"):
        os.ftruncate(copy, 0)


def test_a_program_that_it_runs_has_no_file_of_this_machine_as_its_own() -> None:
    copy = interpreter_copy()
    program = "import os; print(os.readlink('/proc/self/exe'))"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program],
        executable=f"/proc/self/fd/{copy}",
        pass_fds=[copy],
        capture_output=True,
        check=True,
    )
    assert done.stdout.startswith(b"/memfd:labctl-python")
