"""The folder of grades: whatever ends labctl, each submission in it is complete or absent."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from labctl.errors import UsageError
from labctl.grading import folder as module
from labctl.grading.folder import Folder, Setting, class_grades
from labctl.load.schema import result_schema
from labctl.model.evidence import Capture
from labctl.model.result import EngineInfo, ImageInfo, Result
from labctl.results.summary import summary
from tests.unit.grading.samples import broke, ended, well
from tests.unit.judge.samples import planned
from tests.unit.report.grades.samples import FULL, REFUSED
from tests.unit.wire.build import MAIL
from tests.unit.wire.build import Capture as Packets

FILES = {"grade.json": FULL.model_dump_json(by_alias=True), "gradescope/results.json": "{}"}
SETTING = Setting(
    engine=EngineInfo(name="docker", version="20.10"),
    images={"client": ImageInfo(id="sha256:a", origin="debian", python="3.13.5")},
)


class Killed(BaseException):
    """In the place of SIGKILL: nothing that comes after it is done."""


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "a" / "grades"


def opened(out: Path, *, exercise: str = "retry", resume: bool = False) -> Folder:
    made = Folder(out)
    made.prepare(exercise=exercise, resume=resume)
    return made


def inside(out: Path) -> list[str]:
    return sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())


def wrong(action: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(UsageError) as caught:
        action()
    return caught.value.message, caught.value.hint


def test_a_folder_is_made_with_all_above_it(out: Path) -> None:
    opened(out)
    assert inside(out) == ["labctl-grades.json"]
    assert (out / "students").is_dir()


def test_an_empty_folder_may_be_there(out: Path) -> None:
    out.mkdir(parents=True)
    opened(out)
    assert (out / "labctl-grades.json").is_file()


def test_a_submission_has_its_files_and_nothing_is_left(out: Path) -> None:
    folder = opened(out)
    folder.finish("ada", FILES)
    folder.write("grades.csv", "a,b\r\n")
    folder.close()
    assert inside(out) == [
        "grades.csv",
        "labctl-grades.json",
        "students/ada/grade.json",
        "students/ada/gradescope/results.json",
    ]
    assert (out / "grades.csv").read_bytes() == b"a,b\r\n"
    assert not (out / ".unfinished").exists()
    assert list(folder.grades()) == [FULL]


def test_without_resume_grades_are_not_touched(out: Path) -> None:
    opened(out).finish("ada", FILES)
    assert wrong(lambda: opened(out)) == (
        f"{out} has grades already",
        "give --resume to go on with them, or --out another folder",
    )


def test_with_resume_they_stay(out: Path) -> None:
    opened(out).finish("ada", FILES)
    assert list(opened(out, resume=True).grades()) == [FULL]


def test_resume_may_begin(out: Path) -> None:
    opened(out, resume=True)
    assert (out / "students").is_dir()


@pytest.mark.parametrize("resume", [True, False])
def test_another_exercise_goes_elsewhere(out: Path, resume: bool) -> None:
    opened(out)
    assert wrong(lambda: opened(out, exercise="other", resume=resume)) == (
        f"{out} has grades of retry",
        "give --out a folder of its own",
    )


@pytest.mark.parametrize("resume", [True, False])
@pytest.mark.parametrize("name", ["notes.txt", "students/ada/grade.json", ".hidden"])
def test_among_other_files_nothing_is_written(out: Path, resume: bool, name: str) -> None:
    (out / name).parent.mkdir(parents=True)
    (out / name).write_text("mine")
    assert wrong(lambda: opened(out, resume=resume)) == (
        f"{out} has other files in it",
        "give --out a folder of its own",
    )
    assert inside(out) == [name]


@pytest.mark.parametrize("mark", ["", "{", "[]", "{}", "\xff"])
def test_a_mark_that_is_not_ours_is_another_file(out: Path, mark: str) -> None:
    out.mkdir(parents=True)
    (out / "labctl-grades.json").write_bytes(mark.encode("latin-1"))
    assert wrong(lambda: opened(out, resume=True))[0] == f"{out} has other files in it"


def test_a_file_in_the_place_of_the_folder(out: Path) -> None:
    out.parent.mkdir()
    out.write_text("mine", "utf-8")
    message, hint = wrong(lambda: opened(out))
    assert message == f"cannot write grades to {out}: Not a directory"
    assert hint.startswith("give --out a folder that you may write to")
    assert out.read_text("utf-8") == "mine"


def test_what_is_no_grade_is_told(out: Path) -> None:
    folder = opened(out)
    folder.finish("ada", {"grade.json": "{}"})
    file = out / "students" / "ada" / "grade.json"
    assert wrong(lambda: list(folder.grades())) == (f"{file} is not a grade of labctl", "remove it")


def test_grades_come_by_id(out: Path) -> None:
    folder = opened(out)
    for name in ("zoe", "ada", "Bob"):
        grade = FULL.model_copy(update={"id": name})
        folder.finish(name, {"grade.json": grade.model_dump_json(by_alias=True)})
    assert [grade.id for grade in folder.grades()] == ["Bob", "ada", "zoe"]


# --- killed ---------------------------------------------------------------------------------------


def killed_at(patch: pytest.MonkeyPatch, number: int) -> None:
    """The process ends before its step of that number, counted from 0."""
    left = [number]

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def step(*args: object, **more: object) -> object:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return real(*args, **more)

        return step

    for name in ("rename", "replace", "mkdir"):
        patch.setattr(Path, name, counted(getattr(Path, name)))
    patch.setattr(module, "_write", counted(module._write))  # noqa: SLF001
    patch.setattr(shutil, "rmtree", counted(shutil.rmtree))


def killed_everywhere(
    start: Callable[[Path], None], whole: Callable[[Path], None]
) -> Iterator[Path]:
    """Folders in which `whole` was killed, before each of its steps."""
    for number in itertools.count():
        with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            out = Path(folder, "a", "grades")
            start(out)
            killed_at(patch, number)
            try:
                whole(out)
            except Killed:
                patch.undo()
                yield out
            else:
                assert number > 5
                return


def test_killed_at_any_step_of_the_first_grade() -> None:
    for out in killed_everywhere(lambda _: None, lambda out: opened(out).finish("ada", FILES)):
        again = opened(out, resume=True)
        assert list(again.grades()) in ([], [FULL])
        for place in (out / "students").iterdir():
            assert inside(place) == sorted(FILES)
        again.finish("ada", FILES)
        again.close()
        assert list(again.grades()) == [FULL]


def test_killed_at_any_step_of_a_second_one() -> None:
    newer = REFUSED.model_copy(update={"id": "ada"})
    files = {**FILES, "grade.json": newer.model_dump_json(by_alias=True)}
    for out in killed_everywhere(
        lambda out: opened(out).finish("ada", FILES),
        lambda out: opened(out, resume=True).finish("ada", files),
    ):
        assert list(opened(out, resume=True).grades()) in ([], [FULL], [newer])


@pytest.mark.parametrize("number", [0, 1])
def test_a_file_for_the_class_is_the_old_one_or_the_new_one(out: Path, number: int) -> None:
    folder = opened(out)
    folder.write("grades.csv", "old")
    with pytest.MonkeyPatch.context() as patch:
        killed_at(patch, number)
        with pytest.raises(Killed):
            folder.write("grades.csv", "new")
    assert (out / "grades.csv").read_text() == "old"


def test_what_was_left_unfinished_is_removed(out: Path) -> None:
    folder = opened(out)
    folder.keep("ada", "tell/refused", ended(planned(), well(planned())), SETTING)
    assert (out / ".unfinished" / "ada").is_dir()
    opened(out, resume=True)
    assert list((out / ".unfinished").iterdir()) == []


def test_ids_never_get_in_each_others_way(out: Path) -> None:
    folder = opened(out)
    names = ("ada", "ada.before", "grades.csv", ".unfinished", "students")
    for _ in range(2):
        for name in names:
            folder.keep(name, "tell/refused", ended(planned(), well(planned())), SETTING)
        for name in names:
            folder.finish(name, FILES)
    folder.write("grades.csv", "")
    folder.close()
    found = sorted(path.name for path in (out / "students").iterdir())
    assert found == sorted(names)


def test_a_disk_without_room_is_told(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = opened(out)

    def full(_file: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    message = f"cannot write grades to {out}: No space left on device"
    assert wrong(lambda: folder.finish("ada", FILES))[0] == message
    assert wrong(lambda: folder.write("grades.csv", ""))[0] == message
    assert list(folder.grades()) == []


# --- evidence -------------------------------------------------------------------------------------


def test_evidence_is_a_result_document_and_packets(out: Path) -> None:
    folder = opened(out)
    packets = Packets()
    packets.connection(MAIL, 25).syn().refuse()
    capture = Capture(packets=tuple(packets.raws), lost=0, names={}, resolvers=())
    made = ended(planned(), well(planned(), stdout="said"), capture=capture)
    kept = folder.keep("ada", "tell/refused by ../x", made, SETTING)
    assert kept == (
        "evidence/tell_refused_by_.._x.json",
        "evidence/tell_refused_by_.._x.pcapng",
    )
    folder.finish("ada", FILES)
    place = out / "students" / "ada"
    document = json.loads((place / kept[0]).read_text("utf-8"))
    Draft202012Validator(result_schema()).validate(document)
    whole = Result.model_validate(document)
    assert whole.attempts == (made.result,)
    assert (whole.engine, whole.images) == (SETTING.engine, SETTING.images)
    assert whole.summary == summary([made.result])
    assert (place / kept[1]).read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"
    assert b"ada, tell/refused by ../x" in (place / kept[1]).read_bytes()


def test_without_packets_there_is_no_file_of_them(out: Path) -> None:
    folder = opened(out)
    assert folder.keep("ada", "a", broke(planned()), SETTING) == ("evidence/a.json", "")
    assert inside(out / ".unfinished") == ["ada/evidence/a.json"]


def test_a_class_is_all_of_its_grades() -> None:
    found = class_grades([FULL, REFUSED])
    assert (found.exercise, found.title, found.max_points) == (
        "retry",
        "Try again",
        FULL.max_points,
    )
    assert found.grades == (FULL, REFUSED)
