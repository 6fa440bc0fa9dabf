"""Each control that grading rests on, taken away: then at least one hostile submission gains."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from labctl.engine.access import open_named
from labctl.engine.images.names import LAB, client_image
from labctl.engine.service import RunningService
from labctl.engines import EngineName
from labctl.grading.exercises import exercises
from labctl.grading.grader import Grader
from labctl.grading.jobs import Planner
from labctl.grading.vary import Variation
from labctl.mark.evidence import RunEvidence
from labctl.model.grade import Grade
from labctl.model.plan import PlannedLab
from labctl.run.output import Output
from labctl.submissions import RefusalError, find_submissions
from tests.hostile import HOSTILE

ROOT = Path(__file__).parents[2]
MODEL = (ROOT / "answers" / "mail-once" / "model" / "client.py").read_text("utf-8")
SOURCES = {one.name: one.source for one in HOSTILE}

BY_ORDER = """
import os, socket
try:
    socket.create_connection((os.environ["LAB_HOST"], int(os.environ["LAB_PORT"])), 1).close()
except OSError:
    pass
def packets_on_loopback():
    [line] = [one for one in open("/proc/net/dev") if one.strip().startswith("lo:")]
    return int(line.split()[2])
print("open" if packets_on_loopback() == 0 else "refused")
with socket.socket() as own:
    own.connect_ex(("127.0.0.1", 9))
"""
"""Counts its runs where the network's counters outlive it, and knows the order by heart."""

KNOCKS = """
import socket, time
resolver = open("/etc/resolv.conf").read().split()[1]
net = resolver.rpartition(".")[0]
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
    probe.connect((resolver, 53))
    own = probe.getsockname()[0]
server = socket.create_server(("", 7777), backlog=100)
end = time.monotonic() + 6
found = set()
while not found and time.monotonic() < end:
    for last in range(128, 140):
        with socket.socket() as sock:
            sock.settimeout(0.05)
            if f"{net}.{last}" != own and sock.connect_ex((f"{net}.{last}", 7777)) == 0:
                found.add(last)
print("FOUND" if found else "alone")
"""
"""Listens, and knocks where others may listen, until it finds somebody. Its six seconds are more
than a busy engine takes between the starts of two clients. A submission may take eight.
"""


@pytest.fixture(scope="session", autouse=True)
def images(engine_name: EngineName) -> None:
    """Those that are needed here."""
    open_named(engine_name).images().ensure([LAB, client_image("3.13")], progress=lambda _: None)


@dataclass
class Class:
    """Grades submissions, by name, of some runs of an exercise."""

    folder: Path
    count: int = 0

    def grade(self, exercise: str, runs: tuple[str, ...], *sources: str) -> list[Grade]:
        """The grades in the order of the sources."""
        loaded = exercises([ROOT / "tests" / "exercises"]).load(exercise)
        some = tuple(one for one in loaded.runs if one.name.partition("/")[2] in runs)
        self.count += 1
        place = self.folder / str(self.count)
        for number, source in enumerate(sources):
            (place / f"s{number}").mkdir(parents=True)
            (place / f"s{number}" / "client.py").write_text(source, "utf-8")
        grades: list[Grade] = []
        grader = Grader(
            replace(loaded, runs=some),
            jobs=4,
            hidden=True,
            output=Output(),
            seed="",
        )
        grader.grade(
            find_submissions([place], loaded.files), done=grades.append, keep=lambda *_: ("", "")
        )
        return sorted(grades, key=lambda one: one.id)

    def points(self, exercise: str, runs: tuple[str, ...], source: str) -> float:
        [grade] = self.grade(exercise, runs, source)
        return grade.points


@pytest.fixture
def course(tmp_path: Path) -> Class:
    return Class(tmp_path)


def _always_tried(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RunEvidence, "has_tried_target", lambda _: True)


def _never_vary(patch: pytest.MonkeyPatch) -> None:
    aim = Variation.aim
    patch.setattr(Variation, "aim", lambda self, target, **_: aim(self, target, vary=False))


def _believe_the_clock(patch: pytest.MonkeyPatch) -> None:
    def evidence(**given: Any) -> RunEvidence:
        return RunEvidence(**{**given, "took_s": given["observation"].elapsed_s})

    patch.setattr("labctl.grading.gradebook.RunEvidence", evidence)


def _no_doubts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("labctl.mark.rules.doubts", lambda *_: ())
    patch.setattr("labctl.judge.forgery.doubts", lambda *_: ())


def _every_port(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RunEvidence, "server_events", lambda self: list(self.observation.served))


def _never_cut(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RunEvidence, "is_truncated", property(lambda _: False))


@pytest.mark.parametrize(
    ("remove", "exercise", "runs", "source", "gets", "would_get"),
    [
        # Without a try: a word that is right once, a quick end, an exit code.
        pytest.param(
            _always_tried, "brief", ("open", "refused"), "one-word", 0, 4, marks=pytest.mark.both
        ),
        # With a try, which is worth 2: names that a student may have seen.
        (_never_vary, "brief", ("open", "refused"), "by-known-names", 2, 6),
        # The word is right, and it took too long, whatever its clock says.
        (_believe_the_clock, "brief", ("refused",), "clock-of-the-probe", 2, 3),
        # The connection is on the wire; the exception is of the program's own making.
        (_no_doubts, "claims", ("refused",), "decoy-then-raise", 1, 3),
        # The message went to a port that works, and the program exits with 0.
        (_every_port, "mail-once", ("too-busy", "later"), "mail-to-the-port-that-works", 2, 6),
        # The password is behind what is kept of a packet.
        (_never_cut, "mail-once", ("no-tls",), "password-behind-much", 0, 2),
    ],
    ids=["tried", "vary", "took", "doubts", "aimed", "cut"],
)
def test_without_its_control_it_gains(
    course: Class, monkeypatch: pytest.MonkeyPatch, remove: Callable[[pytest.MonkeyPatch], None],
    exercise: str, runs: tuple[str, ...], source: str, gets: float, would_get: float,
) -> None:  # fmt: skip
    assert course.points(exercise, runs, SOURCES[source]) == gets
    remove(monkeypatch)
    assert course.points(exercise, runs, SOURCES[source]) == would_get


def _seed_that_swaps() -> str:
    """One with which the first submission's two runs are made the other way round."""
    orders = {seed: random.Random(f"{seed}/order/1").sample([0, 1], 2) for seed in range(20)}  # noqa: S311
    return next(str(seed) for seed, order in orders.items() if order == [1, 0])


def test_in_the_order_of_the_exercise_it_knows_which_run_it_is(
    course: Class, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: another order for each submission."""
    fixed = SimpleNamespace(token_hex=lambda _: _seed_that_swaps())
    monkeypatch.setattr("labctl.grading.grader.secrets", fixed)
    runs = ("open", "refused")
    assert course.points("brief", runs, BY_ORDER) == 2
    monkeypatch.setattr(Planner, "_in_any_order", lambda _self, aims: aims)
    assert course.points("brief", runs, BY_ORDER) == 6


@pytest.fixture
def one_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    """All submissions share a lab, whatever the number of jobs."""
    monkeypatch.setattr("labctl.grading.jobs.submissions_in_a_lab", lambda *_: 12)


@pytest.mark.usefixtures("one_lab")
def test_side_by_side_programs_reach_each_other(
    course: Class, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: a lab makes its attempts one after the other."""

    def said(grades: list[Grade]) -> set[str]:
        return {part.stdout.strip() for grade in grades for part in grade.parts}

    assert said(course.grade("brief", ("open",), KNOCKS, KNOCKS)) == {"alone"}
    # On a busy machine they would be made one at a time all the same.
    monkeypatch.setattr("labctl.run.turns.ProcessorLoad.is_full", lambda _: False)
    side_by_side = partial(_not_serial, PlannedLab)
    monkeypatch.setattr("labctl.grading.jobs.PlannedLab", side_by_side)
    assert "FOUND" in said(course.grade("brief", ("open",), KNOCKS, KNOCKS))


def _not_serial(make: Callable[..., PlannedLab], **given: Any) -> PlannedLab:
    return make(**{**given, "serial": False})


@pytest.mark.usefixtures("one_lab")
def test_a_service_that_forgets_nobody_takes_the_next_for_the_same(
    course: Class, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: services forget a client when its attempt has ended."""
    runs = ("reset-twice",)
    assert [one.points for one in course.grade("mail-once", runs, MODEL, MODEL)] == [5, 5]
    real = RunningService.request_sync
    monkeypatch.setattr(
        RunningService, "request_sync", lambda self, token, **_: real(self, token, address="nobody")
    )
    first, second = course.grade("mail-once", runs, MODEL, MODEL)
    assert first.points == 5
    assert second.points == 3, "the server has reset the first student's connections, and no more"


def test_without_limits_a_submission_may_be_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: the limits of what is read."""
    (tmp_path / "s" / "client.py").parent.mkdir()
    (tmp_path / "s" / "client.py").write_bytes(b"#" * (8 << 20))
    [one] = find_submissions([tmp_path], ["client.py"])
    with pytest.raises(RefusalError, match="make it smaller"):
        one.read(["client.py"])
    monkeypatch.setattr("labctl.submissions.reading.FILE_BYTES", 1 << 30)
    assert len(one.read(["client.py"]).contents["client.py"]) == 8 << 20


def test_a_hidden_run_that_is_shown_tells_the_next_student(course: Class) -> None:
    """Control: of a hidden run, a student sees points alone."""
    from labctl.report.grades.feedback import feedback_markdown  # noqa: PLC0415

    [grade] = course.grade("tell-them-apart", ("name-server-fails",), SOURCES["every-word"])
    [part] = grade.parts
    assert part.hidden
    told = "filtered\nunresolvable\nunreachable"
    assert told in part.stdout
    assert told not in feedback_markdown(grade)
    shown = grade.model_copy(update={"parts": (part.model_copy(update={"hidden": False}),)})
    assert told in feedback_markdown(shown)
