"""Clients of others where labs may not keep them in: what is tried, refused, warned of, and
remembered.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from labctl.engine import isolation
from labctl.engine.isolation import Reach
from labctl.errors import EngineError
from labctl.model.plan import Interpreter
from labctl.model.result import EngineInfo
from tests.unit.cli.bench import Bench
from tests.unit.cli.classroom import EXERCISE, FILE, FOLDER, Classroom
from tests.unit.cli.conftest import Labctl
from tests.unit.engine.samples import TIGHT
from tests.unit.fake_engine import FakeEngine
from tests.unit.load.texts import SCENARIO, write

HOLE = replace(TIGHT, reached=("198.18.3.1",))
MESSAGE = "labs do not keep clients in: a client reached this host at 198.18.3.1\n"
HINT = "  hint: run code of others on another engine; --trust-client runs code of your own here\n"
REFUSAL = f"labctl: {MESSAGE}{HINT}"
WARNING = f"labctl: warning: {MESSAGE}{HINT}"
OWN = ("run", "mine.yaml")
OTHERS = (
    (*OWN, "--client", "client.py"),
    ("rerun", "theirs.json"),
    ("check", FOLDER, "in/ada"),
    ("grade", FOLDER, "in", "--out", "out"),
)
others = pytest.mark.parametrize("verb", OTHERS, ids=lambda verb: verb[0])


class Trial:
    """Stands for the client that tries: `reach` is what it could, `count` how often it tried."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reach: Reach | EngineError = HOLE
        self.count = 0
        self.was_here = False
        monkeypatch.setattr(isolation, "try_isolation", self._try)

    def _try(self, engine: FakeEngine, interpreter: Interpreter, *, is_here: bool) -> Reach:
        self.was_here = is_here
        assert engine.info().name == "fake"
        assert interpreter.image.startswith("labctl/client:")
        self.count += 1
        if isinstance(self.reach, EngineError):
            raise self.reach
        return self.reach


@pytest.fixture
def trial(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Trial:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Trial(monkeypatch)


@pytest.fixture
def bench(labctl: Labctl, monkeypatch: pytest.MonkeyPatch, trial: Trial) -> Bench:
    """An engine that does not isolate by itself; the trial comes first, so it is not in use."""
    assert trial.count == 0
    write(FILE, EXERCISE)
    write("mine.yaml", SCENARIO)
    write("client.py", "import socket\n")
    write("in/ada/client.py", "0\n")
    made = Classroom(labctl, monkeypatch)
    made.labctl(*OWN, "--client", "client.py", "--json", "theirs.json")
    made.engine.said.clear()
    made.isolates_networks = False
    return made


@others
def test_code_of_others_is_refused_where_a_client_gets_out(
    bench: Bench, verb: tuple[str, ...]
) -> None:
    done = bench.labctl(*verb)
    assert (done.code, done.out, done.err) == (4, "", REFUSAL)
    assert bench.engine.said == ["unguarded"], "no lab but that of the trial was started"


@others
def test_trust_in_a_client_makes_it_a_warning(bench: Bench, verb: tuple[str, ...]) -> None:
    done = bench.labctl(*verb, "--trust-client")
    assert done.err.startswith(WARNING)
    assert done.code in (0, 1)
    assert "tap" in bench.engine.said


@pytest.mark.parametrize(
    "verb", [OWN, ("compare", "mine.yaml"), ("record", "mine.yaml", "--all", "--yes")],
    ids=lambda verb: verb[0],
)  # fmt: skip
def test_clients_of_scenarios_run_with_a_warning(bench: Bench, verb: tuple[str, ...]) -> None:
    done = bench.labctl(*verb)
    assert done.code in (0, 1)
    assert done.err.startswith(WARNING)


@pytest.mark.parametrize("verb", [OWN, *OTHERS], ids=lambda verb: "-".join(verb[::2]))
def test_an_engine_that_isolates_is_not_tried(
    bench: Bench, trial: Trial, verb: tuple[str, ...]
) -> None:
    bench.isolates_networks = True
    assert "keep clients in" not in bench.labctl(*verb).err
    assert trial.count == 0


def test_who_grades_is_told_what_a_submission_could_do(bench: Bench) -> None:
    bench.isolates_networks = True
    bench.its_weakness = EngineError("memory has no sure limit here", hint="run labctl as root")
    for verb in OTHERS:
        for trust in ([], ["--trust-client"]):
            done = bench.labctl(*verb, *trust)
            told = "labctl: warning: memory has no sure limit here\n  hint: run labctl as root\n"
            assert (told in done.err) == (verb[0] == "grade" and not trust), (verb, done.err)


def test_a_trial_that_finds_nothing_counts_for_a_while(bench: Bench, trial: Trial) -> None:
    trial.reach = TIGHT
    for verb in (OWN, *OTHERS):
        done = bench.labctl(*verb)
        assert (done.code in (0, 1), done.err) == (True, ""), verb
    assert trial.count == 1
    [file] = Path(os.environ["XDG_CACHE_HOME"]).rglob("isolation")
    hours_ago = time.time() - 3 * 3600
    os.utime(file, (hours_ago, hours_ago))
    trial.reach = HOLE
    assert bench.labctl(*OTHERS[0]).err == REFUSAL
    assert trial.count == 2


def test_an_engine_on_another_machine_is_warned_of_each_time(bench: Bench, trial: Trial) -> None:
    bench.is_here = False
    trial.reach = replace(TIGHT, tried=())
    for count in (1, 2):
        done = bench.labctl(*OTHERS[0])
        assert "it was not tried whether clients reach the engine's host" in done.err
        assert done.code in (0, 1)
        assert (trial.count, trial.was_here) == (count, False)


def test_a_hole_is_tried_again_each_time(bench: Bench, trial: Trial) -> None:
    assert bench.labctl(*OTHERS[0]).code == 4
    trial.reach = TIGHT
    assert bench.labctl(*OTHERS[0]).err == ""
    assert trial.count == 2


@pytest.mark.parametrize("change", ["engine", "labctl"])
def test_another_engine_or_labctl_is_tried_anew(
    bench: Bench, trial: Trial, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: str
) -> None:
    trial.reach = TIGHT
    bench.labctl(*OWN)
    changes: dict[str, Callable[[], None]] = {
        "engine": lambda: monkeypatch.setattr(
            bench.engine, "info", lambda: EngineInfo(name="fake", version="2")
        ),
        "labctl": lambda: monkeypatch.setattr("labctl.__file__", str(tmp_path / "__init__.py")),
    }
    changes[change]()
    bench.labctl(*OWN)
    assert trial.count == 2


def test_where_nothing_can_be_written_each_run_tries(bench: Bench, trial: Trial) -> None:
    trial.reach = TIGHT
    Path(os.environ["XDG_CACHE_HOME"]).write_text("no folder", "utf-8")
    for count in (1, 2):
        assert bench.labctl(*OWN).err == ""
        assert trial.count == count


def test_a_trial_that_breaks_leaves_nothing_and_no_client_runs(bench: Bench, trial: Trial) -> None:
    trial.reach = EngineError("the lab broke", hint="look")
    done = bench.labctl(*OWN)
    assert (done.code, done.err) == (4, "labctl: the lab broke\n  hint: look\n")
    assert bench.engine.said == ["sweep", "unguarded"]
