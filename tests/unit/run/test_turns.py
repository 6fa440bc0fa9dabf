"""Who may begin when: side by side, fewer on a busy machine, one alone."""

from __future__ import annotations

import os
import threading
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from labctl.run.turns import ProcessorLoad, Turns
from tests.unit.fake_engine import LIMIT_S
from tests.unit.run.turn_threads import waiting_for

IN_VAIN_S = 0.3


class Machine:
    """A machine whose processors are taken or not, and turns on it."""

    def __init__(self) -> None:
        self.is_full = False
        self.stopped = threading.Event()
        self.told = 0
        self.turns = Turns(
            is_full=lambda: self.is_full, is_stopped=self.stopped.is_set, tell=self.tell
        )

    def tell(self) -> None:
        self.told += 1

    def begun(self, *, alone: bool = False) -> AbstractContextManager[threading.Event]:
        """A thread that waits for its turn; the event is set once it has it."""
        return waiting_for(lambda _: self.turns.alone() if alone else self.turns.together())


def test_attempts_run_side_by_side() -> None:
    machine = Machine()
    with machine.begun() as one, machine.begun() as other:
        assert one.wait(LIMIT_S)
        assert other.wait(LIMIT_S)
    assert machine.told == 0


def test_while_the_processors_are_taken_they_run_one_at_a_time_and_that_is_told_once() -> None:
    machine = Machine()
    machine.is_full = True
    with machine.begun() as one:
        assert one.wait(LIMIT_S)
        with machine.begun() as second, machine.begun() as third:
            assert not second.wait(IN_VAIN_S)
            assert not third.is_set()
            assert machine.told == 1
            machine.is_full = False
            assert second.wait(LIMIT_S)
            assert third.wait(LIMIT_S)
    assert machine.told == 1


def test_on_a_full_machine_the_next_begins_when_the_last_has_ended() -> None:
    machine = Machine()
    machine.is_full = True
    with machine.begun() as one:
        assert one.wait(LIMIT_S)
    with machine.begun() as next_one:
        assert next_one.wait(LIMIT_S)


def test_one_alone_waits_for_the_others_and_they_for_it() -> None:
    machine = Machine()
    with machine.begun(alone=True) as alone:
        assert alone.wait(LIMIT_S)
        with machine.begun() as beside, machine.begun(alone=True) as another:
            assert not beside.wait(IN_VAIN_S)
            assert not another.is_set()
            machine.stopped.set()  # nobody waits any more
    machine.stopped.clear()
    with machine.begun() as first:
        assert first.wait(LIMIT_S)
        with machine.begun(alone=True) as alone:
            assert not alone.wait(IN_VAIN_S)
            with machine.begun() as late:
                assert not late.wait(IN_VAIN_S)
                machine.stopped.set()


def test_the_kernel_is_asked_how_many_want_to_run(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    processors = os.cpu_count() or 1
    load = ProcessorLoad(stat)

    def ask(running: int) -> bool:
        stat.write_text(f"cpu  1 2 3\nprocs_running {running}\nprocs_blocked 0\n")
        return load.is_full()

    assert not [ask(4 * processors) for _ in range(5)][-1]
    assert not ask(3 * processors)
    assert not ask(5 * processors), "a moment says little"
    assert [ask(4 * processors + 1) for _ in range(5)][-1]


def test_at_first_the_load_of_the_last_minute_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stat = tmp_path / "stat"
    stat.write_text("procs_running 1\n")
    for load, is_full in ((40.0, True), (1.0, False)):
        monkeypatch.setattr(os, "getloadavg", lambda load=load: (load, 0.0, 0.0))
        monkeypatch.setattr(os, "cpu_count", lambda: 2)
        assert ProcessorLoad(stat).is_full() is is_full


def test_where_the_kernel_says_nothing_nobody_waits(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    for name in ("missing", "empty"):
        load = ProcessorLoad(tmp_path / name)
        assert not [load.is_full() for _ in range(9)][-1]
