"""`labctl check`: a student's own marks, and the exit code that goes with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labctl.model.grade import Grade, GradeState
from tests.unit.cli.classroom import EXERCISE, FILE, FOLDER, Classroom
from tests.unit.cli.conftest import Labctl, Listener
from tests.unit.load.texts import changed, write

CHECK = ("check", FOLDER, "mine")
TRIES = Path("mine/.labctl-tries")
FIND = "give a folder of submissions, a course system's download, an archive or a file"


@pytest.fixture
def room(labctl: Labctl, monkeypatch: pytest.MonkeyPatch) -> Classroom:
    write(FILE, EXERCISE)
    write("mine/client.py", "0\n")
    return Classroom(labctl, monkeypatch)


def test_all_points(room: Classroom) -> None:
    done = room.labctl(*CHECK)
    assert (done.code, done.err) == (0, "")
    assert [line.rstrip() for line in done.out.splitlines()] == [
        "✔     3/3  Nobody listens",
        "           ✔ it exits with 0",
        "           ✔ it connects to the target exactly once",
        "",
        "3 of 3 points, try 1 of 2; 4 more in hidden parts",
    ]
    assert TRIES.read_text("utf-8") == "1\n"


def test_not_all_points_with_what_was_seen_and_a_hint(room: Classroom) -> None:
    write("mine/client.py", "7\n")
    done = room.labctl(*CHECK)
    assert (done.code, done.err) == (1, "")
    assert [line.rstrip() for line in done.out.splitlines()] == [
        "✘     1/3  Nobody listens",
        "           ✘ it exits with 0",
        "             it exited with 7",
        "             hint: sys.exit(0)",
        "           ✔ it connects to the target exactly once",
        "",
        "1 of 3 points, try 1 of 2; 4 more in hidden parts",
    ]


def test_hidden_runs_are_not_made(room: Classroom) -> None:
    made: list[str] = []
    room.engine.client = lambda _, attempt: made.append(attempt.attempt)
    assert "quiet" not in room.labctl(*CHECK).out
    assert made == ["tell/refused"]
    assert room.engine.limit_s == 5.0


def test_as_json(room: Classroom) -> None:
    done = room.labctl(*CHECK, "--json")
    assert done.code == 0
    grade = Grade.model_validate_json(done.out)
    assert (grade.points, grade.max_points, grade.state) == (3, 3, GradeState.GRADED)
    assert json.loads(done.out)["schema"] == "labctl-grade/1"
    assert [part.name for part in grade.parts] == ["tell/refused"]
    assert "SYN" in "\n".join(grade.parts[0].ladder)


def test_tries_are_counted_and_end(room: Classroom) -> None:
    for number in (1, 2):
        assert f"try {number} of 2" in room.labctl(*CHECK).out
    done = room.labctl(*CHECK)
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "labctl: small allows 2 tries, and all of them are used\n"
        "  hint: hand in what you have; mine/.labctl-tries counts them\n"
    )
    assert TRIES.read_text("utf-8") == "2\n"


def test_without_a_limit_they_are_only_told(room: Classroom) -> None:
    write(FILE, changed(EXERCISE, "tries: 2, ", ""))
    assert (
        room.labctl(*CHECK).out.splitlines()[-1] == "3 of 3 points, try 1; 4 more in hidden parts"
    )


@pytest.mark.parametrize("text", [b"", b"many", b"\xff\xfe", b"-4"])
def test_a_count_that_is_none_is_begun_anew(room: Classroom, text: bytes) -> None:
    TRIES.write_bytes(text)
    assert "try 1 of 2" in room.labctl(*CHECK).out


def test_a_lab_that_broke_costs_no_try(room: Classroom) -> None:
    room.engine.broken_labs = frozenset({"small"})
    done = room.labctl(*CHECK)
    assert done.code == 4
    assert "the lab broke" in done.out
    assert not TRIES.exists()
    labs = [said for said in room.engine.said if said == "sweep"]
    assert len(labs) == 2, "it was not tried once more"


def test_one_file_is_enough(room: Classroom) -> None:
    done = room.labctl("check", FOLDER, "mine/client.py")
    assert (done.code, done.err) == (0, "")
    assert not TRIES.exists()


def test_what_cannot_be_read_is_told(room: Classroom) -> None:
    write("mine/client.py", b"# \xff")
    done = room.labctl(*CHECK)
    assert (done.code, done.err) == (1, "")
    assert "client.py is not UTF-8 (line 1): save it as UTF-8" in done.out
    assert done.out.splitlines()[-1].startswith("0 of 3 points")


def test_the_current_folder_is_checked_where_none_is_named(
    room: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = str(Path(FOLDER).resolve())
    monkeypatch.chdir("mine")
    assert room.labctl("check", folder).code == 0
    assert Path(".labctl-tries").is_file()


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        ((FOLDER, "none"), "there is no none", FIND),
        ((FOLDER, "empty"), "there are no submissions in empty", FIND),
        (
            (FOLDER, "class"),
            "class has 2 submissions in it",
            "check one at a time; `labctl grade` takes many",
        ),
    ],
)
def test_what_is_no_submission(
    labctl: Labctl, engine: Listener, args: tuple[str, ...], message: str, hint: str
) -> None:
    write(FILE, EXERCISE)
    Path("empty").mkdir()
    write("class/ada/client.py", "")
    write("class/bob/client.py", "")
    done = labctl("check", *args)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"labctl: {message}\n  hint: {hint}\n"
    assert not engine.was_asked


@pytest.mark.parametrize(
    ("args", "part"),
    [
        ("check", "Missing argument"),
        ("check a b c", "unexpected extra argument"),
        ("check a --jobs 0", "greater than or equal to 1"),
        ("check a --exercises none", "'none' does not exist"),
        ("check a --hidden", "No such option"),
    ],
)
def test_a_command_line_that_cannot_be_read(
    labctl: Labctl, engine: Listener, args: str, part: str
) -> None:
    done = labctl(*args.split())
    assert (done.code, done.out) == (2, "")
    assert part in done.err
    assert not engine.was_asked


def test_a_wrong_exercise_is_told(labctl: Labctl, engine: Listener) -> None:
    write(FILE, changed(EXERCISE, "exit: 0, points: 4", "exit: 256, points: 4"))
    done = labctl(*CHECK)
    assert (done.code, done.out) == (3, "")
    assert done.err == (
        f"labctl: {FILE}:24: clients.tell.runs.quiet.checks[0].exit: must be at most 255, not 256\n"
    )
    assert not engine.was_asked
