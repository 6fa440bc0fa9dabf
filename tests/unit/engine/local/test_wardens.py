"""The warden of a lab, where it can't be started."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path
from typing import IO

import pytest

from labctl.engine.local import wardens
from labctl.engine.local.warden_process import start_process
from labctl.engine.local.wardens import Warden
from labctl.engine.runtime import Refusal
from labctl.warden.specs import LabSpec


def test_where_no_thread_can_be_started_no_process_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As where `ulimit -u` is low."""
    started: list[subprocess.Popen[bytes]] = []

    def start(descriptor: int, said: IO[bytes]) -> subprocess.Popen[bytes]:
        started.append(start_process(descriptor, said))
        return started[-1]

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(wardens, "start_process", start)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(Refusal, match="can't start new thread") as caught:
        Warden(LabSpec(mount=str(tmp_path), cgroup=""))
    assert "ulimit -u" in caught.value.hint
    [process] = started
    assert process.poll() is not None
