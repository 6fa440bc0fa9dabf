"""Programs in a session of their own, here and as on Windows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from labctl.engine import sessions
from tests.unit.elsewhere import on_windows

LIMIT_S = 20
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("ready", flush=True)
time.sleep(60)
"""


def test_a_program_leads_its_own_session() -> None:
    program = "import os; print(os.getsid(0) == os.getpid())"
    with sessions.start([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.communicate(timeout=LIMIT_S)[0] == b"True\n"


def test_all_of_a_session_ends_even_what_does_not_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_END_S", 0.2)
    with sessions.start([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        sessions.end(process)
        assert process.returncode == -signal.SIGKILL
        assert process.stdout.read() == b"", "the child has its end of the pipe, too"


def test_on_windows_it_gets_a_console_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    copy = on_windows("labctl.engine.sessions")
    started: list[dict[str, Any]] = []
    monkeypatch.setattr("subprocess.Popen", lambda _command, **given: started.append(given))
    monkeypatch.setattr(subprocess, "CREATE_NO_WINDOW", 1, raising=False)
    monkeypatch.setattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 2, raising=False)
    copy.start(["labctl"])
    assert started[0]["creationflags"] == 3


def test_on_windows_a_program_is_ended_without_signals_to_groups(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copy = on_windows("labctl.engine.sessions")
    monkeypatch.delattr(os, "killpg")
    with sessions.start([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        copy.end(process)
        assert process.returncode == -signal.SIGTERM
