from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from labctl.engine.images.interruption import Interrupted, Interruption

SLEEPER = "import time; time.sleep(60)"


def start(*command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE)


def test_the_exit_status_of_a_process() -> None:
    with start(sys.executable, "-c", "raise SystemExit(7)") as process:
        assert Interruption().wait_for(process, limit_s=30) == 7


def test_a_process_that_takes_too_long_is_ended() -> None:
    with (
        start(sys.executable, "-c", SLEEPER) as process,
        pytest.raises(subprocess.TimeoutExpired),
    ):
        Interruption().wait_for(process, limit_s=0)
    assert process.returncode == -15


def test_the_children_of_a_process_are_ended_too(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    interruption = Interruption()
    script = '"$0" -c "$1" & echo $! >"$2"; wait'
    with start("sh", "-c", script, sys.executable, SLEEPER, str(pid)) as process:
        waiting = threading.Thread(target=_call_off_when, args=(pid, interruption))
        waiting.start()
        with pytest.raises(Interrupted):
            interruption.wait_for(process, limit_s=30)
        waiting.join()
        # Both hold the pipe: it ends when the last of them has gone.
        assert process.communicate(timeout=20)[0] == b""


def _call_off_when(file: Path, interruption: Interruption) -> None:
    deadline = time.monotonic() + 20
    while not (file.exists() and file.read_text("utf-8").strip()) and time.monotonic() < deadline:
        time.sleep(0.01)
    interruption.set()


def test_items_are_watched() -> None:
    interruption = Interruption()
    items = interruption.watch([1, 2, 3])
    assert [next(items), next(items)] == [1, 2]
    interruption.set()
    with pytest.raises(Interrupted):
        next(items)


def test_what_makers_wait_for_is_ended_from_outside() -> None:
    interruption = Interruption()
    called: list[str] = []
    with interruption.calling(lambda: called.append("over")):
        pass
    with interruption.calling(lambda: called.append("now")):
        interruption.set()
    assert called == ["now"]
    assert interruption.is_set
    with pytest.raises(Interrupted), interruption.calling(lambda: called.append("late")):
        called.append("entered")
    assert called == ["now"]
