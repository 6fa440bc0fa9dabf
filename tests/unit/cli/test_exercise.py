"""`labctl exercise list|show|start|validate`: no engine is needed, and nothing hidden is told."""

# ruff: noqa: E501 a command line and its message are one row of a table

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import pytest

from labctl.load.bundled import bundled_folder
from labctl.load.yaml_reader import read_yaml
from tests.unit.cli.classroom import EXERCISE, FILE, FOLDER
from tests.unit.cli.conftest import Labctl, Listener
from tests.unit.cli.test_look import width
from tests.unit.load.texts import changed, write

BUNDLED = sorted(path.parent.name for path in bundled_folder("exercises").glob("*/exercise.yaml"))
HINT = "`labctl exercise list` shows them all; a folder is given as ./my-exercise"
HIDDEN = "Nobody is to know of this"
OWN = ("--exercises", "exercises")


@pytest.fixture(autouse=True)
def _no_engine_is_needed(engine: Listener) -> object:
    write(FILE, EXERCISE)
    write(f"{FOLDER}/start/client.py", "# begin\n")
    yield
    assert not engine.was_asked


# --- list -----------------------------------------------------------------------------------------


def test_list_has_the_easiest_first(labctl: Labctl) -> None:
    done = labctl("exercise", "list")
    assert (done.code, done.err) == (0, "")
    assert width(done.out) <= 80
    header, *rows = done.out.splitlines()
    assert header.split() == ["name", "level", "points", "title"]
    assert [row.split()[0] for row in rows[:3]] == [
        "reading-the-stack",
        "tell-them-apart",
        "mail-once",
    ]
    assert rows[-1] == f"{len(BUNDLED)} exercises"


def test_list_as_json(labctl: Labctl) -> None:
    done = labctl("exercise", "list", "--json", *OWN)
    found = {one["name"]: one for one in json.loads(done.out)}
    assert sorted(found) == sorted([*BUNDLED, "small"])
    assert found["small"] == {
        "name": "small", "title": "Does it answer?", "level": 1, "points": 7.0, "files": ["client.py"],
    }  # fmt: skip


def test_a_wrong_file_keeps_no_other_from_being_listed(labctl: Labctl) -> None:
    write(FILE, changed(EXERCISE, "title: Does", "titel: Does"))
    done = labctl("exercise", "list", *OWN)
    assert done.code == 3
    assert "mail-once" in done.out
    assert done.err.startswith(f'labctl: {FILE}:2: unknown key "titel"; did you mean "title"?\n')


# --- show -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BUNDLED)
def test_every_bundled_exercise_can_be_shown_and_started(labctl: Labctl, name: str) -> None:
    done = labctl("exercise", "show", name)
    assert (done.code, done.err) == (0, "")
    assert width(done.out) <= 80
    assert labctl("exercise", "start", name).code == 0
    assert width(Path(name, "README.md").read_text("utf-8")) <= 100


def test_show(labctl: Labctl) -> None:
    done = labctl("exercise", "show", FOLDER)
    assert (done.code, done.err) == (0, "")
    assert [line.rstrip() for line in done.out.splitlines()] == [
        "small  Does it answer?",
        "",
        "Write client.py. It goes to LAB_HOST, port LAB_PORT,",
        "",
        "- and exits with 0",
        "- or not.",
        "",
        "hand in: client.py",
        "",
        "    3  Nobody listens",
        "    4  in hidden parts",
    ]


def test_show_as_json_does_not_tell_what_is_hidden(labctl: Labctl) -> None:
    done = labctl("exercise", "show", "small", "--json", *OWN)
    shown = json.loads(done.out)
    assert shown["parts"] == [
        {"name": "tell/refused", "title": "Nobody listens", "points": 3.0, "bonus": False}
    ]
    assert shown["points"] == 7
    assert "quiet" not in done.out
    assert HIDDEN not in done.out


# --- start ----------------------------------------------------------------------------------------


def test_start(labctl: Labctl) -> None:
    done = labctl("exercise", "start", "tell-them-apart")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "wrote tell-them-apart: read README.md in it\n"
        "then: labctl check tell-them-apart tell-them-apart\n"
    )
    folder = Path("tell-them-apart")
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "client.py"]
    given = bundled_folder("exercises") / "tell-them-apart" / "start" / "client.py"
    assert (folder / "client.py").read_text() == given.read_text()


def test_what_the_instructions_say(labctl: Labctl) -> None:
    assert labctl("exercise", "start", FOLDER, "mine").code == 0
    assert Path("mine/README.md").read_text("utf-8") == (
        "# Does it answer?\n\n"
        "Write client.py. It goes to LAB_HOST, port LAB_PORT,\n\n- and exits with 0\n- or not.\n\n"
        "## Files\n\n- client.py: It tells.\n\n"
        "## Points\n\n        3  Nobody listens\n        4  in hidden parts\n\n"
        "Programs run on Python 3.13, with the standard library only.\n"
        "Each run may take 5 seconds.\nYou may check 2 times.\n\n"
        "## Check\n\n    labctl check FOLDER/small .\n\n"
        "## Hand in\n\nclient.py\n"
    )


@pytest.mark.parametrize("args", [("small", "a b/c", *OWN), (FOLDER, "a b/c")])
def test_one_of_ones_own_is_named_so_that_it_is_found(
    labctl: Labctl, args: tuple[str, ...]
) -> None:
    done = labctl("exercise", "start", *args)
    assert done.code == 0
    _, _, told = done.out.rstrip("\n").partition("then: labctl check ")
    name, place = shlex.split(told)
    assert (Path(name), place) == (Path(FOLDER).resolve(), "a b/c")
    assert Path("a b/c/client.py").read_text("utf-8") == "# begin\n"
    assert labctl("exercise", "show", name).code == 0


def test_one_without_files_to_begin_with(labctl: Labctl) -> None:
    Path(FOLDER, "start", "client.py").unlink()
    for number in range(2):
        assert labctl("exercise", "start", FOLDER, f"n{number}").code == 0
        assert [path.name for path in Path(f"n{number}").iterdir()] == ["README.md"]
        if not number:
            Path(FOLDER, "start").rmdir()


def test_answers_have_a_sheet_with_the_questions(labctl: Labctl) -> None:
    assert labctl("exercise", "start", "reading-the-stack", "mine").code == 0
    sheet = Path("mine/answers.yaml").read_text("utf-8")
    assert "\n# refused-port, smtplib: which exception is raised?\nrefused-exception:\n" in sheet
    assert "\nrefused-modules: []\n" in sheet
    assert len(read_yaml(Path("mine/answers.yaml")).data) == sheet.count("\n\n# ")
    assert "answers.yaml: your answers" in Path("mine/README.md").read_text("utf-8")


def test_what_is_hidden_is_told_nowhere(labctl: Labctl) -> None:
    labctl("exercise", "start", FOLDER, "mine")
    for path in Path("mine").iterdir():
        assert HIDDEN not in path.read_text("utf-8")
        assert "quiet" not in path.read_text("utf-8")


@pytest.mark.parametrize("there", ["folder", "file", "link"])
def test_what_is_there_is_left_alone(labctl: Labctl, there: str) -> None:
    mine = Path("mine")
    if there == "folder":
        write("mine/client.py", "mine")
    elif there == "file":
        write("mine", "mine")
    else:
        mine.symlink_to("nowhere")
    done = labctl("exercise", "start", "tell-them-apart", "mine")
    assert (done.code, done.out) == (2, "")
    assert done.err == "labctl: mine is there already\n  hint: name another folder\n"
    assert not Path("nowhere").exists()
    if there == "folder":
        assert [path.name for path in mine.iterdir()] == ["client.py"]


@pytest.mark.parametrize("below", ["there.txt/a", "there.txt/a/b"])
def test_where_no_folder_can_be_made(labctl: Labctl, below: str) -> None:
    write("there.txt", "mine")
    done = labctl("exercise", "start", "tell-them-apart", below)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"labctl: cannot write {below}: Not a directory\n"


def test_where_nobody_may_write(labctl: Labctl, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(Path, "mkdir", refused)  # root may write everywhere
    done = labctl("exercise", "start", "tell-them-apart", "mine")
    assert (done.code, done.err) == (2, "labctl: cannot write mine: Permission denied\n")


# --- validate -------------------------------------------------------------------------------------


def test_validate_takes_all_there_are(labctl: Labctl) -> None:
    done = labctl("exercise", "validate", *OWN)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        f"{bundled_folder('exercises') / name}: ok" if name in BUNDLED else f"{FOLDER}: ok"
        for name in sorted([*BUNDLED, "small"])
    ]


@pytest.mark.parametrize("name", ["tell-them-apart", FOLDER, FILE])
def test_validate_one(labctl: Labctl, name: str) -> None:
    done = labctl("exercise", "validate", name)
    assert (done.code, done.out, done.err) == (0, f"{name}: ok\n", "")


def test_validate_tells_every_mistake_of_every_file(labctl: Labctl) -> None:
    wrong = changed(
        changed(EXERCISE, "title: Does", "titel: Does"), "{exit: 0, points: 4}", "{exit: x}"
    )
    write(FILE, wrong)
    write("exercises/two/exercise.yaml", changed(EXERCISE, "name: small", "name: other"))
    expected = [
        f'labctl: {FILE}:2: unknown key "titel"; did you mean "title"?',
        f'labctl: {FILE}:24: clients.tell.runs.quiet.checks[0].exit: must be a whole number, not "x"',
        'labctl: exercises/two/exercise.yaml: name: must be "two", as its folder is called, not "other"',
    ]
    done = labctl("exercise", "validate", *OWN)
    assert done.code == 3
    assert [line for line in done.err.splitlines() if not line.startswith("  hint")] == expected
    assert len(done.out.splitlines()) == len(BUNDLED)
    named = labctl("exercise", "validate", FOLDER, "mail-once", "two", *OWN)
    assert (named.code, named.out) == (3, "mail-once: ok\n")
    assert [line for line in named.err.splitlines() if not line.startswith("  hint")] == expected


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["exercise show", "exercise start", "exercise validate", "check"])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "tel-them-apart",
            'no exercise is called "tel-them-apart"; did you mean "tell-them-apart"?',
        ),
        ("zebra", 'no exercise is called "zebra"'),
        ("small", 'no exercise is called "small"'),
    ],
)
def test_a_name_that_nobody_has(labctl: Labctl, verb: str, name: str, message: str) -> None:
    done = labctl(*verb.split(), name)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"labctl: {message}\n  hint: {HINT}\n"


@pytest.mark.parametrize("verb", ["show", "start", "validate"])
def test_a_folder_without_an_exercise(labctl: Labctl, verb: str) -> None:
    done = labctl("exercise", verb, "./exercises")
    assert (done.code, done.out) == (3, "")
    assert done.err == "labctl: exercises/exercise.yaml: there is no such file\n"


@pytest.mark.parametrize("verb", ["list", "show x", "start x", "validate"])
def test_a_folder_of_exercises_that_is_not_there(labctl: Labctl, verb: str) -> None:
    done = labctl("exercise", *verb.split(), "--exercises", "none")
    assert done.code == 2
    assert "'none' does not exist" in done.err
