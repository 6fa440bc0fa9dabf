"""Attempts of several labctls on one machine: together, or one alone."""

from __future__ import annotations

import errno
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from labctl.run import machine
from labctl.run.machine import MachineTurns
from tests.unit.elsewhere import on_windows
from tests.unit.fake_engine import LIMIT_S
from tests.unit.run.turn_threads import waiting_for

IN_VAIN_S = 0.4
WINDOWS = "TEST_WINDOWS"
Turn = Callable[[Callable[[], bool]], AbstractContextManager[None]]


def never() -> bool:
    return False


def begun(
    turn: Turn, is_stopped: Callable[[], bool] = never
) -> AbstractContextManager[threading.Event]:
    """A thread that waits for a turn; the event is set once it has it. It may be ended before."""
    return waiting_for(lambda may_end: turn(lambda: is_stopped() or may_end.is_set()))


@pytest.fixture(autouse=True, params=[False, True], ids=["posix", "windows"])
def _locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The locks of POSIX, and those of Windows."""
    if request.param:
        monkeypatch.setenv(WINDOWS, "1")
        monkeypatch.setattr(machine, "locked", on_windows("labctl.run.file_lock").locked)


@pytest.fixture
def one(tmp_path: Path) -> MachineTurns:
    return MachineTurns(tmp_path)


@pytest.fixture
def other(tmp_path: Path) -> MachineTurns:
    """The turns of another labctl."""
    return MachineTurns(tmp_path)


def test_attempts_of_several_run_together(one: MachineTurns, other: MachineTurns) -> None:
    with begun(one.together) as first, begun(other.together) as second:
        assert first.wait(LIMIT_S)
        assert second.wait(LIMIT_S)


def test_one_alone_waits_for_all_and_all_wait_for_it(
    one: MachineTurns, other: MachineTurns
) -> None:
    with begun(one.together) as running:
        assert running.wait(LIMIT_S)
        with begun(other.alone) as alone:
            assert not alone.wait(IN_VAIN_S)
            with begun(one.together) as late:
                assert not late.wait(IN_VAIN_S), "it would keep the one that waits from its turn"
    with begun(one.alone) as alone:
        assert alone.wait(LIMIT_S)
        with begun(other.together) as together, begun(other.alone) as another:
            assert not together.wait(IN_VAIN_S)
            assert not another.is_set()


def test_a_turn_ends_with_its_process(one: MachineTurns, tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path\n"
        "from labctl.run import machine; from labctl.run.machine import MachineTurns\n"
        "from tests.unit.elsewhere import on_windows\n"
        "if 'TEST_WINDOWS' in os.environ:\n"
        "    machine.locked = on_windows('labctl.run.file_lock').locked\n"
        "with MachineTurns(Path(sys.argv[1])).alone(lambda: False):\n"
        "    print('alone', flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "alone\n"
        with begun(one.together) as waiting:
            assert not waiting.wait(IN_VAIN_S)
            process.kill()
            assert waiting.wait(LIMIT_S)


def test_who_is_stopped_waits_no_more(one: MachineTurns, other: MachineTurns) -> None:
    stopped = threading.Event()
    with begun(one.alone) as alone:
        assert alone.wait(LIMIT_S)
        with begun(other.together, stopped.is_set) as waiting:
            assert not waiting.wait(IN_VAIN_S)
            stopped.set()
            assert waiting.wait(LIMIT_S)


def test_nobody_waits_for_ever(
    one: MachineTurns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_PATIENCE_S", IN_VAIN_S * 2)
    other = MachineTurns(tmp_path)
    with begun(one.together) as stuck:
        assert stuck.wait(LIMIT_S)
        with begun(other.alone) as alone:
            assert not alone.wait(IN_VAIN_S)
            assert alone.wait(LIMIT_S)
        with begun(other.alone) as again:
            assert again.wait(IN_VAIN_S), "it has waited in vain before"


def test_where_files_can_not_be_locked_nobody_waits(
    one: MachineTurns, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    monkeypatch.setattr("fcntl.fcntl", refuse)
    with begun(one.alone) as first, begun(one.alone) as second:
        assert first.wait(LIMIT_S)
        assert second.wait(LIMIT_S)


def test_without_locks_nobody_waits(tmp_path: Path) -> None:
    nowhere = MachineTurns(tmp_path / "missing")
    with begun(nowhere.alone) as first, begun(nowhere.alone) as second:
        assert first.wait(LIMIT_S)
        assert second.wait(LIMIT_S)


@pytest.mark.parametrize("_locks", [False], indirect=True)
def test_a_link_in_the_place_of_a_lock_is_not_followed(one: MachineTurns, tmp_path: Path) -> None:
    with begun(one.together) as turn:
        assert turn.wait(LIMIT_S)
    made = sorted(path.name.rpartition(".")[2] for path in tmp_path.iterdir())
    assert made == ["gate", "turn"]
    for path in list(tmp_path.iterdir()):
        path.unlink()
        path.symlink_to(tmp_path / "elsewhere")
    with begun(one.alone) as turn:
        assert turn.wait(LIMIT_S)
    assert not (tmp_path / "elsewhere").exists()
