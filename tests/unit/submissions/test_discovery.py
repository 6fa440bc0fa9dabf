"""Whose the submissions in some paths are, and which files are whose."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from labctl.errors import UsageError
from labctl.grading.folder import Folder
from labctl.submissions import RefusalError, Submission, find_submissions
from tests.unit.submissions.build import CLIENT, RIGHT, WANTED, raw_zip, tar_of, write, zip_of
from tests.unit.submissions.test_reading import Made, folder_of

MOODLE = "{}_assignsubmission_file_"
OLD = b"# old\n"


def ids(*paths: Path) -> list[str]:
    return [each.id for each in find_submissions(paths, WANTED)]


def contents(found: list[Submission]) -> dict[str, dict[str, bytes]]:
    return {each.id: dict(each.read(WANTED).contents) for each in found}


def usage_error(*paths: Path) -> str:
    with pytest.raises(UsageError) as caught:
        find_submissions(paths, WANTED)
    assert caught.value.hint
    return str(caught.value)


def test_everything_in_a_folder_is_a_submission(tmp_path: Path) -> None:
    folder_of(tmp_path, {
        "jane/client.py": RIGHT, "bob/src/client.py": RIGHT, "al.zip": zip_of({CLIENT: RIGHT}),
        "cy.tar.gz": tar_of({CLIENT: RIGHT}, "w:gz"), "di.py": RIGHT,
        "packed": zip_of({CLIENT: RIGHT}),
        ".hidden/client.py": b"", "__MACOSX/x": b"", "README.md": b"", "grades.csv": b"",
        "grades.xlsx": zip_of({"x": b""}), ".x.py": b"",
    })  # fmt: skip
    found = find_submissions([tmp_path], WANTED)
    students = ["al", "bob", "cy", "di", "jane", "packed"]
    assert contents(found) == {student: {CLIENT: RIGHT} for student in students}
    assert [each.origin.name for each in found][:3] == ["al.zip", "bob", "cy.tar.gz"]


def test_what_can_not_be_read_is_a_submission_too(tmp_path: Path) -> None:
    folder_of(tmp_path, {"al.rar": b"Rar!", "bob.ZIP": b""})
    (tmp_path / "cy").symlink_to("/etc")
    (tmp_path / "di").mkdir()
    found = find_submissions([tmp_path], WANTED)
    assert [each.id for each in found] == ["al", "bob", "cy", "di"]
    for each in found:
        with pytest.raises(RefusalError):
            each.read(WANTED)


def test_a_folder_with_a_wanted_file_is_one_submission(tmp_path: Path) -> None:
    folder_of(tmp_path / "Jane Doe", {CLIENT: RIGHT, "helper.py": b"", "old/client.py": OLD})
    (one,) = find_submissions([tmp_path / "Jane Doe"], WANTED)
    assert (one.id, one.name, one.origin) == ("Jane_Doe", "Jane Doe", tmp_path / "Jane Doe")
    assert one.read(WANTED).contents == {CLIENT: RIGHT}
    assert ids(tmp_path) == ["Jane_Doe"]
    assert [each.id for each in find_submissions([tmp_path / "Jane Doe"], ["x.py"])] == [
        "client",
        "helper",
        "old",
    ]


def test_submissions_one_by_one(tmp_path: Path) -> None:
    folder_of(tmp_path, {"jane/client.py": RIGHT, "bob.py": RIGHT, "al.zip": zip_of({CLIENT: OLD})})
    paths = [tmp_path / "jane", tmp_path / "bob.py", tmp_path / "al.zip", tmp_path / "jane"]
    assert contents(find_submissions(paths, WANTED)) == {
        "al": {CLIENT: OLD}, "bob": {CLIENT: RIGHT}, "jane": {CLIENT: RIGHT}
    }  # fmt: skip


def test_the_folder_that_one_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_of(tmp_path / "jane", {CLIENT: RIGHT, "x/y": b""})
    monkeypatch.chdir(tmp_path / "jane/x")
    assert ids(Path("..")) == ["jane"]


def test_one_link_is_followed_and_one_of_several_is_refused(tmp_path: Path) -> None:
    folder_of(tmp_path, {"class/jane/client.py": RIGHT, "class/bob.py": RIGHT})
    (tmp_path / "link").symlink_to("class")
    assert ids(tmp_path / "link") == ["bob", "jane"]
    found = find_submissions([tmp_path / "link", tmp_path / "class/bob.py"], WANTED)
    assert [each.id for each in found] == ["bob", "link"]
    with pytest.raises(RefusalError, match="symbolic link"):
        found[1].read(WANTED)


MOODLE_FILES = {
    f"{MOODLE.format('Jane Doe_12')}/client.py": RIGHT,
    "Zo\u00eb Li_7_assignsubmission_file_/hand-in.zip": zip_of({"x/client.py": RIGHT}),
    f"{MOODLE.format('Bob_9')}client.py": RIGHT,
    f"{MOODLE.format('Bob_9')}answers.yaml": b"a: b",
    "Jane Doe_12_assignsubmission_onlinetext_/onlinetext.html": b"hello",
    "Al_3_assignsubmission_onlinetext_/onlinetext.html": b"hello",
}
CANVAS_FILES = {
    "doejane_12_100_client.py": OLD,
    "doejane_12_103_client-2.py": RIGHT,
    "doejane_12_102_client-1.py": OLD,
    "doejane_12_101_answers.yaml": b"a: b",
    "lizoe_LATE_7_104_my_solution-1.py": RIGHT,
    "bob_9_105_hand-in.tgz": tar_of({CLIENT: RIGHT}, "w:gz"),
    "al_3_106_client.py": OLD,
    "al_LATE_3_107_client.py": RIGHT,
}


def as_folder(root: Path, files: dict[str, bytes]) -> Path:
    return folder_of(root / "download", files)


def as_zip(root: Path, files: dict[str, bytes]) -> Path:
    return write(root / "download.zip", zip_of(files))


@pytest.mark.parametrize("made", [as_folder, as_zip])
class TestDownloads:
    def test_moodle(self, made: Made, tmp_path: Path) -> None:
        found = find_submissions([made(tmp_path, MOODLE_FILES)], WANTED)
        names = {each.id: each.name for each in found}
        assert names == {"12": "Jane Doe", "3": "Al", "7": "Zo\u00eb Li", "9": "Bob"}
        with pytest.raises(RefusalError, match="onlinetext"):
            found.pop([each.id for each in found].index("3")).read(WANTED)
        assert contents(found) == {
            "12": {CLIENT: RIGHT},
            "7": {CLIENT: RIGHT},
            "9": {CLIENT: RIGHT, "answers.yaml": b"a: b"},
        }

    def test_canvas(self, made: Made, tmp_path: Path) -> None:
        found = find_submissions([made(tmp_path, CANVAS_FILES)], WANTED)
        assert [(each.id, each.name) for each in found] == [
            ("12", "doejane"), ("3", "al"), ("7", "lizoe"), ("9", "bob")
        ]  # fmt: skip
        assert contents(found) == {
            "12": {CLIENT: RIGHT, "answers.yaml": b"a: b"},
            "3": {CLIENT: RIGHT},
            "7": {CLIENT: RIGHT},
            "9": {CLIENT: RIGHT},
        }

    def test_a_wanted_name_with_a_number_is_itself(self, made: Made, tmp_path: Path) -> None:
        files = {"a_1_1_part-1.py": OLD, "a_1_2_part-2.py": RIGHT, "a_1_3_part-1-1.py": RIGHT}
        (one,) = find_submissions([made(tmp_path, files)], ["part-1.py", "part-2.py"])
        assert one.read(["part-1.py", "part-2.py"]).contents == {
            "part-1.py": RIGHT, "part-2.py": RIGHT
        }  # fmt: skip


def test_what_moodle_unpacked_one_by_one(tmp_path: Path) -> None:
    folder_of(tmp_path, MOODLE_FILES)
    assert ids(*tmp_path.iterdir()) == ["12", "3", "7", "9"]


def test_a_zip_with_another_name_in_it_is_one_submission(tmp_path: Path) -> None:
    path = as_zip(tmp_path, MOODLE_FILES | {"README": b""})
    assert ids(path) == ["download"]
    path = as_zip(tmp_path, MOODLE_FILES | {"__MACOSX/x": b""})
    assert len(ids(path)) == 4


def test_names_in_a_course_zip_do_not_lead_to_others(tmp_path: Path) -> None:
    bob, jane = MOODLE.format("Bob_2"), MOODLE.format("Jane_1")
    path = write(tmp_path / "a.zip", raw_zip([f"{jane}/../{bob}/client.py", f"{bob}/client.py"]))
    first, second = find_submissions([path], WANTED)
    with pytest.raises(RefusalError, match="leads out of its folder"):
        first.read(WANTED)
    assert second.read(WANTED).contents == {CLIENT: RIGHT}


def test_results_are_no_submissions(tmp_path: Path) -> None:
    Folder(tmp_path / "out").prepare(exercise="x", resume=False)
    mark = {"labctl-grades.json": b"{}"}
    folder_of(tmp_path / "sly", {CLIENT: RIGHT, "students/x": b""} | mark)
    folder_of(tmp_path / "al", {"x/client.py": RIGHT} | mark)
    assert ids(tmp_path) == ["al", "sly"]


def test_two_submissions_of_one_student(tmp_path: Path) -> None:
    folder_of(tmp_path, {"jane.py": RIGHT, "jane/client.py": RIGHT})
    assert usage_error(tmp_path) == (
        f"the student jane has two submissions: {tmp_path}/jane and {tmp_path}/jane.py"
    )
    folders = {
        f"{MOODLE.format('Jane_1')}/client.py": b"",
        f"{MOODLE.format('J_1')}/client.py": b"",
    }
    assert "the student 1 has two" in usage_error(as_folder(tmp_path, folders))


def test_the_same_id_in_two_downloads_is_not_one_student(tmp_path: Path) -> None:
    for name in "ab":
        folder_of(tmp_path / name, {f"x_1_{ord(name)}_client.py": RIGHT})
    assert "the student 1 has two submissions" in usage_error(tmp_path / "a", tmp_path / "b")


def test_paths_that_are_not_there_or_hold_nothing(tmp_path: Path) -> None:
    assert usage_error(tmp_path / "x\x1b") == f"there is no {tmp_path}/x\\x1b"
    write(tmp_path / "README.md", b"")
    assert usage_error(tmp_path) == f"there are no submissions in {tmp_path}"
    assert usage_error() == "there are no submissions in nothing"


def test_an_empty_folder_beside_others_is_told_of(tmp_path: Path) -> None:
    folder_of(tmp_path, {"jane/client.py": RIGHT})
    (tmp_path / "bob").mkdir()
    found = find_submissions([tmp_path / "jane", tmp_path / "bob"], WANTED)
    assert [each.id for each in found] == ["bob", "jane"]
    with pytest.raises(RefusalError, match="has no files"):
        found[0].read(WANTED)


def test_a_pipe_is_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "pipe.zip")
    assert ids(tmp_path) == ["pipe"]
    assert ids(tmp_path / "pipe") == ["pipe"]
