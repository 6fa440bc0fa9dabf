"""`labctl record` on an engine made of locks: what is shown, asked, written and left alone."""

from __future__ import annotations

import io
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from labctl.model.evidence import Capture, Evidence
from labctl.model.plan import PlannedAttempt
from labctl.run.guarded import GuardedRunner
from tests.unit.cli.bench import Bench
from tests.unit.cli.conftest import Done, Labctl, Listener
from tests.unit.fake_engine import FakeEngine, interrupted
from tests.unit.judge.samples import evidence, report
from tests.unit.load.texts import SCENARIO, changed, write

EXPECT = "    expect: {raises: ConnectionRefusedError}\n"
BLANK = changed(SCENARIO, EXPECT, "\n# the end\n")
RECORDED = """\
    expect:
      raises: ConnectionRefusedError
      message: refused
      cause: none
      context: none
      stack:
        - socket:create_connection
      elapsed: {max: 10s}
      wire: nothing
      served: []
"""
QUIET = Capture(packets=(), lost=0, names={}, resolvers=())


def leaves(attempt: PlannedAttempt) -> Evidence:
    """A refused port that nobody knocked at."""
    bases = ["ConnectionRefusedError", "OSError", "Exception", "object"]
    name = "ConnectionRefusedError" if attempt.attempt != "wild" else f"Error{attempt.repeat}"
    exception = {"type": name, "message": "refused", "bases": bases}
    calls = [{"at_s": 0.01, "event": "socket.connect", "args": ["x", 1], "stack": None}]
    return evidence(report(exception=exception, calls=calls), capture=QUIET)


class RecordBench(Bench):
    """Runs `labctl record` in the place of `labctl run`."""

    def record(self, *args: str | Path) -> Done:
        return self.labctl("record", *args)


@pytest.fixture
def bench(labctl: Labctl, monkeypatch: pytest.MonkeyPatch) -> RecordBench:
    write("mine.yaml", BLANK)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    made = RecordBench(labctl, monkeypatch)
    made.engine.leaves = leaves
    return made


def text(name: str = "mine.yaml") -> str:
    return Path(name).read_text("utf-8")


def test_without_a_terminal_it_shows_and_writes_nothing(bench: RecordBench) -> None:
    done = bench.record("mine.yaml")
    assert done.code == 1
    assert "+      raises: ConnectionRefusedError\n" in done.out
    assert done.out.startswith("--- mine.yaml\n+++ mine.yaml\n@@ ")
    assert "nothing was written; --yes" in done.err
    assert text() == BLANK


def test_yes_writes_without_asking_and_then_all_is_current(bench: RecordBench) -> None:
    done = bench.record("mine.yaml", "--yes")
    assert (done.code, done.err) == (0, "wrote mine.yaml\n")
    assert text() == BLANK.replace("\n# the end", f"{RECORDED}\n# the end")
    before = len(bench.engine.said)
    again = bench.record("mine.yaml")
    assert (again.code, again.out) == (0, "")
    assert "nothing to record: all have their `expect`" in again.err
    assert len(bench.engine.said) == before
    current = bench.record("mine.yaml", "--all")
    assert (current.code, current.out, current.err) == (0, "", "nothing changes\n")


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1), ("", 1)])
def test_on_a_terminal_it_asks(
    bench: RecordBench, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    terminal = io.StringIO(f"{answer}\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    done = bench.record("mine.yaml")
    assert done.code == code
    assert "Write mine.yaml? [y/N]" in done.err
    assert (text() != BLANK) is (code == 0)


def test_all_pythons_are_tried_twice_by_default(bench: RecordBench) -> None:
    made: list[tuple[str, int]] = []
    bench.engine.client = lambda _, a: made.append((a.interpreter.series, a.repeat))
    assert bench.record("mine.yaml", "--yes").code == 0
    assert sorted(made) == [(f"3.{n}", r) for n in (10, 11, 12, 13, 14, 9) for r in (1, 2)]


def test_many_files_are_recorded_in_one_lab(bench: RecordBench) -> None:
    for name in ("one", "two"):
        write(f"many/{name}.yaml", BLANK.replace("mine", name))
    done = bench.record("--scenarios", "many", "--python", "3.13", "--repeat", "1", "--yes")
    assert (done.code, done.err) == (0, "wrote many/one.yaml, many/two.yaml\n")
    assert [said for said in bench.engine.said if "up" in said] == ["lab one up"]
    assert text("many/one.yaml").count(RECORDED) == text("many/two.yaml").count(RECORDED) == 1


def test_only_what_expects_nothing_unless_all_are_asked_for(bench: RecordBench) -> None:
    other = "  other:\n    client: x\n    expect: {raises: OSError}  # mine\n"
    write("mine.yaml", BLANK + other)
    assert bench.record("mine.yaml", "--yes", "--python", "3.13").code == 0
    assert text().endswith(other)
    assert bench.record("mine.yaml", "--attempt", "socket").out == ""
    assert bench.record("mine.yaml", "--yes", "--all", "--python", "3.13").code == 0
    assert text().endswith(RECORDED.replace("expect:", "expect:  # mine"))


def test_what_cannot_be_recorded_is_told_and_the_rest_is_written(bench: RecordBench) -> None:
    write("mine.yaml", f"{BLANK}  wild:\n    client: x\n    expect: {{}}\n")
    bases = "its repeats raise Error1 and Error2"
    bench.engine.leaves = lambda a: leaves(a) if a.attempt != "wild" else wild(a)
    done = bench.record("mine.yaml", "--yes", "--python", "3.13")
    assert done.code == 1
    assert f"mine/wild: not recorded: {bases}\n" in done.err
    assert RECORDED in text()
    assert text().endswith("expect: {}\n")


def test_repeats_are_told_in_their_order_whichever_ends_first(
    bench: RecordBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = GuardedRunner.run
    monkeypatch.setattr(GuardedRunner, "run", lambda *args: reversed(list(run(*args))))
    bench.engine.leaves = wild
    done = bench.record("mine.yaml", "--python", "3.13")
    assert "mine/socket: not recorded: its repeats raise Error1 and Error2\n" in done.err


def wild(attempt: PlannedAttempt) -> Evidence:
    kind = {"type": f"__main__.Error{attempt.repeat}", "message": "x", "bases": ["Exception"]}
    return evidence(report(exception=kind | {"type": f"Error{attempt.repeat}"}), capture=QUIET)


def test_a_lab_that_breaks_records_nothing(bench: RecordBench) -> None:
    bench.engine.broken_labs = frozenset({"mine"})
    done = bench.record("mine.yaml", "--yes")
    assert done.code == 4
    assert "mine/socket: not recorded: on Python 3.9 the lab broke: lab mine can't" in done.err
    assert text() == BLANK


def test_an_interrupted_recording_writes_nothing(bench: RecordBench) -> None:
    bench.engine.client = interrupted(signal.SIGINT, "socket")
    done = bench.record("mine.yaml", "--yes", "--jobs", "1")
    assert done.code == 130
    assert text() == BLANK
    assert bench.engine.said[-2:] == ["sweep", "unguarded"]


def test_a_file_that_changes_meanwhile_is_left_alone(bench: RecordBench) -> None:
    def client(_engine: FakeEngine, _attempt: PlannedAttempt) -> None:
        write("mine.yaml", SCENARIO)

    bench.engine.client = client
    done = bench.record("mine.yaml", "--yes")
    assert done.code == 2
    assert "mine.yaml was changed while its clients ran" in done.err
    assert text() == SCENARIO


def test_links_modes_and_byte_order_marks_stay(bench: RecordBench, folder: Path) -> None:
    write("real/mine.yaml", f"\ufeff{BLANK}").chmod(0o640)
    Path("mine.yaml").unlink()
    Path("mine.yaml").symlink_to("real/mine.yaml")
    assert bench.record("mine.yaml", "--yes", "--python", "3.13").code == 0
    assert Path("mine.yaml").is_symlink()
    assert Path("real/mine.yaml").stat().st_mode & 0o777 == 0o640
    assert text().startswith("\ufeffname: mine")
    assert RECORDED in text()
    assert [path.name for path in (folder / "real").iterdir()] == ["mine.yaml"]


def test_where_nothing_can_be_written_nothing_is_left(
    bench: RecordBench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(shutil, "copymode", refuse)
    done = bench.record("mine.yaml", "--yes")
    assert done.code == 2
    assert "cannot write mine.yaml: No space left on device" in done.err
    assert [path.name for path in folder.iterdir()] == ["mine.yaml"]


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        ((), 2, "which scenarios?"),
        (("mine.yaml", "--attempt", "sokcet"), 2, "called sokcet; did you mean socket?"),
        (("mine.yaml", "--python", "3.8"), 2, "no client image has Python '3.8'"),
        (("braces.yaml",), 3, "braces.yaml:8: attempts.a: stands between braces"),
    ],
)
def test_input_is_checked_before_the_engine_is_asked(
    labctl: Labctl, engine: Listener, args: tuple[str, ...], code: int, message: str
) -> None:
    write("mine.yaml", BLANK)
    top = BLANK.partition("  socket")[0].replace("mine", "braces")
    write("braces.yaml", f"{top}  a: {{client: x}}\n")
    done = labctl("record", *args)
    assert done.code == code
    assert message in done.err
    assert not engine.was_asked


@pytest.mark.parametrize("verb", ["run", "validate"])
def test_other_verbs_say_how_to_have_it_recorded(
    labctl: Labctl, engine: Listener, verb: str
) -> None:
    write("mine.yaml", BLANK)
    done = labctl(verb, "mine.yaml")
    assert done.code == 3
    assert done.err == (
        'labctl: mine.yaml:8: attempts.socket: the key "expect" is missing\n'
        "  hint: write what must be observed, or let `labctl record mine.yaml` write what is\n"
    )
    assert not engine.was_asked
