"""`labctl grade`: a class, the files that come of it, and going on where it was ended."""

from __future__ import annotations

import csv
import io
import json
import signal
import threading
from pathlib import Path

import pytest

from labctl.engine import access
from labctl.errors import EngineError
from labctl.model.grade import Grade, GradeState
from labctl.model.plan import PlannedAttempt
from tests.unit.cli.classroom import EXERCISE, FILE, FOLDER, Classroom
from tests.unit.cli.conftest import Labctl, Listener
from tests.unit.fake_engine import LIMIT_S, FakeEngine, press
from tests.unit.load.texts import changed, write

GRADE = ("grade", FOLDER, "in", "--out", "out")
FOR_A_STUDENT = [
    "evidence/tell_quiet.json",
    "evidence/tell_quiet.pcapng",
    "evidence/tell_refused.json",
    "evidence/tell_refused.pcapng",
    "feedback.html",
    "feedback.md",
    "grade.json",
    "gradescope/results.json",
    "prairielearn/results.json",
]


@pytest.fixture
def room(labctl: Labctl, monkeypatch: pytest.MonkeyPatch) -> Classroom:
    write(FILE, EXERCISE)
    write("in/ada/client.py", "0\n")
    write("in/bob/client.py", "7\n")
    return Classroom(labctl, monkeypatch)


def grades() -> dict[str, Grade]:
    files = sorted(Path("out/students").glob("*/grade.json"))
    found = [Grade.model_validate_json(file.read_bytes()) for file in files]
    assert [one.id for one in found] == [file.parent.name for file in files]
    return {one.id: one for one in found}


def made(room: Classroom) -> list[str]:
    """Whose attempts are made from now on."""
    seen: list[str] = []
    room.engine.client = lambda _, attempt: seen.append(attempt.origin.partition("/")[0])
    return seen


def test_a_class_is_graded_as_parallel_as_it_is_asked_to_be(room: Classroom) -> None:
    """Both submissions are in progress at the same time, which takes two labs."""
    together = threading.Barrier(2)

    def meet(_engine: FakeEngine, _attempt: PlannedAttempt) -> None:
        together.wait(LIMIT_S)

    room.engine.client = meet
    assert room.labctl(*GRADE, "--jobs", "2").code == 0
    assert room.engine.busiest == 2
    assert room.engine.said.count("lab small up") == 2


def test_with_one_job_a_class_is_graded_in_one_lab(room: Classroom) -> None:
    assert room.labctl(*GRADE, "--jobs", "1").code == 0
    assert room.engine.busiest == 1
    assert room.engine.said.count("lab small up") == 1


def test_a_class(room: Classroom) -> None:
    done = room.labctl(*GRADE)
    assert (done.code, done.err) == (0, "")
    assert [line.rstrip() for line in done.out.splitlines()] == [
        "2 submissions: 2 graded",
        "median 4 of 7 points",
        "see out/index.html",
    ]
    found = grades()
    assert {name: (one.points, one.max_points) for name, one in found.items()} == {
        "ada": (7, 7),
        "bob": (1, 7),
    }
    for name in found:
        place = Path("out/students", name)
        files = sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())
        assert files == FOR_A_STUDENT
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "canvas.csv",
        "class.json",
        "grades.csv",
        "index.html",
        "labctl-grades.json",
        "students",
    ]


def test_the_documents_say_what_the_grades_do(room: Classroom) -> None:
    done = room.labctl(*GRADE, "--json")
    document = json.loads(done.out)
    assert document == json.loads(Path("out/class.json").read_text("utf-8"))
    assert document["schema"] == "labctl-class/1"
    rows = list(csv.DictReader(io.StringIO(Path("out/grades.csv").read_text("utf-8-sig"))))
    assert [row["Grade"] for row in rows] == ["7", "1"]
    scope = json.loads(Path("out/students/bob/gradescope/results.json").read_text("utf-8"))
    assert scope["score"] == 1
    assert "client.py" not in Path("out/students/ada/feedback.md").read_text("utf-8")


def test_a_seed_makes_the_same_choices_again(room: Classroom) -> None:
    def met(*seed: str) -> list[tuple[str, int, str]]:
        found: list[tuple[str, int, str]] = []
        room.engine.client = lambda _, attempt: found.append(
            (attempt.target.host, attempt.target.port, str(dict(attempt.env)))
        )
        assert room.labctl(*GRADE[:-1], f"out{len(seeds)}", "--jobs", "1", *seed).code == 0
        seeds.append(seed)
        return found

    seeds: list[tuple[str, ...]] = []
    first = met("--seed", "one")
    assert met("--seed", "one") == first
    others = [met("--seed", "two"), met(), met()]
    assert first not in others
    assert others[1] != others[2]


def test_what_cannot_be_read_is_told_and_the_rest_is_graded(room: Classroom) -> None:
    write("in/eve/client.py", b"\xff")
    done = room.labctl(*GRADE)
    assert done.code == 0
    message = "client.py is not UTF-8 (line 1): save it as UTF-8"
    assert done.out.splitlines()[0].rstrip() == "3 submissions: 2 graded, 1 refused"
    assert f"refused: eve: {message}" in done.out
    assert (grades()["eve"].state, grades()["eve"].points) == (GradeState.REFUSED, 0)


def test_resume_grades_what_is_new_or_changed(room: Classroom) -> None:
    assert room.labctl(*GRADE).code == 0
    write("in/bob/client.py", "0\n")
    write("in/zoe/client.py", "0\n")
    seen = made(room)
    assert room.labctl(*GRADE, "--resume").code == 0
    assert sorted(seen) == ["bob", "bob", "zoe", "zoe"]
    assert {name: one.points for name, one in grades().items()} == {"ada": 7, "bob": 7, "zoe": 7}


def test_resume_with_nothing_to_do_asks_no_engine(
    room: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = room.labctl(*GRADE).out
    monkeypatch.delattr(access, "ENGINES")
    done = room.labctl(*GRADE, "--resume")
    assert (done.code, done.out) == (0, before)


def test_a_changed_exercise_is_graded_anew(room: Classroom) -> None:
    assert room.labctl(*GRADE).code == 0
    write(FILE, changed(EXERCISE, "points: 4", "points: 5"))
    seen = made(room)
    assert room.labctl(*GRADE, "--resume").code == 0
    assert sorted(set(seen)) == ["ada", "bob"]
    assert grades()["ada"].points == 8


def test_who_is_not_handed_in_any_more_is_not_of_the_class(room: Classroom) -> None:
    assert room.labctl(*GRADE).code == 0
    done = room.labctl("grade", FOLDER, "in/ada", "--out", "out", "--resume", "--json")
    assert [one["id"] for one in json.loads(done.out)["grades"]] == ["ada"]
    assert set(grades()) == {"ada", "bob"}


def test_a_lab_that_broke_costs_nobody_points_and_is_made_by_resume(room: Classroom) -> None:
    room.engine.broken_labs = frozenset({"small"})
    done = room.labctl(*GRADE)
    assert done.code == 4
    assert done.out.splitlines()[0].rstrip() == "2 submissions: 2 not graded: the lab broke"
    assert {one.state for one in grades().values()} == {GradeState.ERROR}
    room.engine.broken_labs = frozenset()
    assert room.labctl(*GRADE, "--resume").code == 0
    assert {one.state for one in grades().values()} == {GradeState.GRADED}


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_interrupted_it_keeps_what_it_has(
    room: Classroom, number: signal.Signals, code: int
) -> None:
    def client(engine: FakeEngine, attempt: PlannedAttempt) -> None:
        if attempt.origin.startswith("bob/"):
            press(number)
            assert engine.stopped.wait(10)
            raise EngineError("the run was stopped")

    room.engine.client = client
    done = room.labctl(*GRADE, "--jobs", "1")
    assert done.code == code
    assert done.err == "1 grade in out; go on with --resume\n"
    assert set(grades()) == {"ada"}
    assert room.engine.said[-1] == "unguarded"
    room.engine = FakeEngine(leaves=room.engine.leaves)
    seen = made(room)
    assert room.labctl(*GRADE, "--resume").code == 0
    assert set(seen) == {"bob"}
    assert set(grades()) == {"ada", "bob"}


# --- wrong command lines --------------------------------------------------------------------------

FIND = "give a folder of submissions, a course system's download, an archive or a file"


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (f"{FOLDER} none --out out", "there is no none", FIND),
        (f"{FOLDER} empty --out out", "there are no submissions in empty", FIND),
        (f"{FOLDER} in --out in", "in has other files in it", "give --out a folder of its own"),
        (
            f"{FOLDER} in --out file",
            "cannot write grades to file: Not a directory",
            "give --out a folder that you may write to; --resume goes on",
        ),
        (
            f"{FOLDER} in/ada twin/ada --out out",
            "the student ada has two submissions: in/ada and twin/ada",
            "leave one of them out, or rename it",
        ),
        (
            "smal in --out out --exercises exercises",
            'no exercise is called "smal"; did you mean "small"?',
            "`labctl exercise list` shows them all; a folder is given as ./my-exercise",
        ),
    ],
)
def test_what_cannot_be_done(
    labctl: Labctl, engine: Listener, args: str, message: str, hint: str
) -> None:
    write(FILE, EXERCISE)
    for name in ("in/ada", "in/bob", "twin/ada"):
        write(f"{name}/client.py", "0\n")
    Path("empty").mkdir()
    write("file", "mine")
    done = labctl("grade", *args.split())
    assert (done.code, done.out) == (2, "")
    assert done.err == f"labctl: {message}\n  hint: {hint}\n"
    assert not engine.was_asked
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("args", "part"),
    [
        ("grade small in", "Missing option '--out'"),
        ("grade small --out out", "Missing argument 'SUBMISSIONS...'"),
        ("grade small in --out out --jobs 65", "less than or equal to 64"),
        ("grade small in --out out --exercises none", "'none' does not exist"),
        ("grade small in --out out --resme", "No such option"),
    ],
)
def test_a_command_line_that_cannot_be_read(
    labctl: Labctl, engine: Listener, args: str, part: str
) -> None:
    done = labctl(*args.split())
    assert (done.code, done.out) == (2, "")
    assert part in done.err
    assert not engine.was_asked


@pytest.mark.parametrize("resume", [[], ["--resume"]])
def test_grades_are_not_mixed_up(room: Classroom, resume: list[str]) -> None:
    assert room.labctl(*GRADE).code == 0
    again = room.labctl(*GRADE)
    assert (again.code, again.out) == (2, "")
    assert again.err == (
        "labctl: out has grades already\n"
        "  hint: give --resume to go on with them, or --out another folder\n"
    )
    other = room.labctl("grade", "tell-them-apart", "in", "--out", "out", *resume)
    assert (other.code, other.out) == (2, "")
    assert other.err == (
        "labctl: out has grades of small\n  hint: give --out a folder of its own\n"
    )
