"""Which of a submission's files are the wanted ones."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from labctl.submissions import RefusalError, Submission, SubmittedFiles
from tests.unit.submissions.build import CLIENT, RIGHT, WANTED, tar_of, write, zip_of

Made = Callable[[Path, dict[str, bytes]], Path]
ANSWERS = b"why: because\n"


def read(path: Path, *wanted: str) -> SubmittedFiles:
    return Submission(id="jane", name="Jane", origin=path).read(wanted or WANTED)


def refusal(path: Path, *wanted: str) -> str:
    with pytest.raises(RefusalError) as caught:
        read(path, *wanted)
    return str(caught.value)


def folder_of(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        write(root / name, data)
    return root


def in_folder(root: Path, files: dict[str, bytes]) -> Path:
    return folder_of(root / "jane", files)


def in_zip(root: Path, files: dict[str, bytes]) -> Path:
    return write(root / "jane.zip", zip_of(files))


def in_tar(root: Path, files: dict[str, bytes]) -> Path:
    return write(root / "jane.tgz", tar_of(files, "w:gz"))


every_store = pytest.mark.parametrize("made", [in_folder, in_zip, in_tar])
"""The rules are the same for all three."""


@every_store
@pytest.mark.parametrize("wrapping", ["", "jane/", "a/b/c/"])
def test_wanted_files_are_found_at_any_depth(made: Made, wrapping: str, tmp_path: Path) -> None:
    path = made(tmp_path, {f"{wrapping}client.py": RIGHT, f"{wrapping}answers.yaml": ANSWERS})
    assert read(path).contents == {"answers.yaml": ANSWERS, "client.py": RIGHT}


@every_store
def test_the_shallowest_counts(made: Made, tmp_path: Path) -> None:
    path = made(
        tmp_path, {"old/client.py": b"old", "client.py": RIGHT, "old/x/client.py": b"older"}
    )
    found = read(path)
    assert found.contents == {CLIENT: RIGHT}
    assert found.other_names == ("old/client.py", "old/x/client.py")


@every_store
def test_of_two_at_one_depth_none_counts(made: Made, tmp_path: Path) -> None:
    path = made(tmp_path, {"b/client.py": RIGHT, "a/client.py": RIGHT, "c/d/client.py": RIGHT})
    assert refusal(path) == (
        'client.py is there as "a/client.py" and as "b/client.py": keep one of them'
    )


@every_store
def test_the_only_file_counts_as_the_only_wanted_one_of_its_kind(
    made: Made, tmp_path: Path
) -> None:
    assert read(made(tmp_path, {"my_solution.py": RIGHT})).contents == {CLIENT: RIGHT}


def test_a_file_alone_counts_too(tmp_path: Path) -> None:
    assert read(write(tmp_path / "jane.PY", RIGHT)).contents == {CLIENT: RIGHT}
    assert read(write(tmp_path / "jane.yml", ANSWERS)).contents == {"answers.yaml": ANSWERS}


def test_a_file_alone_does_not_count_as_one_of_two(tmp_path: Path) -> None:
    path = write(tmp_path / "jane.py", RIGHT)
    assert refusal(path, "a.py", "b.py") == (
        'the submission has "jane.py", but no file that is asked for: hand in a.py and b.py'
    )
    assert "but no file that is asked for" in refusal(write(tmp_path / "jane.txt", RIGHT))


@every_store
def test_one_of_two_files_does_not_count_under_another_name(made: Made, tmp_path: Path) -> None:
    path = made(tmp_path, {"jane.py": RIGHT, "x.md": b"", "y.md": b"", "z.md": b""})
    assert refusal(path) == (
        'the submission has "jane.py", "x.md", "y.md" and more, but no file that is asked for: '
        "hand in client.py and answers.yaml"
    )


@every_store
def test_what_systems_leave_behind_is_not_there(made: Made, tmp_path: Path) -> None:
    junk = ["__MACOSX/._client.py", "x/.DS_Store", ".git/client.py", "._client.py", ".venv/x.py"]
    junk.append(".labctl-tries")
    path = made(tmp_path, {"x/jane.py": RIGHT, "__pycache__/x.pyc": b""} | dict.fromkeys(junk, b""))
    found = read(path)
    assert (found.contents, found.other_names) == ({CLIENT: RIGHT}, ())


@every_store
def test_at_most_twenty_others_are_named_and_shown_as_text(made: Made, tmp_path: Path) -> None:
    others = {f"{n:02}.txt": b"" for n in range(30)} | {"\u202etxt.exe": b""}
    found = read(made(tmp_path, {CLIENT: RIGHT, **others}))
    assert found.other_names == tuple(f"{n:02}.txt" for n in range(20))
    assert read(made(tmp_path / "2", {CLIENT: b"", "\u202ea": b""})).other_names == ("\\u202ea",)


@every_store
def test_bytes_need_not_be_utf_8(made: Made, tmp_path: Path) -> None:
    assert read(made(tmp_path, {CLIENT: b"\xff\0"})).contents == {CLIENT: b"\xff\0"}


@every_store
def test_the_digest_is_of_the_wanted_files_alone(made: Made, tmp_path: Path) -> None:
    files = {CLIENT: RIGHT, "answers.yaml": ANSWERS}
    written = b"12:answers.yaml%d:%s9:client.py%d:%s" % (len(ANSWERS), ANSWERS, len(RIGHT), RIGHT)
    assert read(made(tmp_path, files)).digest == hashlib.sha256(written).hexdigest()
    more = made(tmp_path / "2", {"x/client.py": RIGHT, "x/answers.yaml": ANSWERS, "x/z": b""})
    assert read(more).digest == hashlib.sha256(written).hexdigest()
    changed = made(tmp_path / "3", files | {CLIENT: RIGHT + b"#"})
    assert read(changed).digest != hashlib.sha256(written).hexdigest()


@every_store
def test_limits_of_wanted_files(made: Made, tmp_path: Path) -> None:
    most = random.Random(1).randbytes(256 * 1024)  # noqa: S311 it keeps no secret
    assert read(made(tmp_path, {CLIENT: most, "x": b""})).contents == {CLIENT: most}
    more = made(tmp_path / "2", {"x/client.py": most + b"\n", "x/y": b""})
    assert refusal(more) == '"x/client.py" has more than 256 KiB: make it smaller'


@every_store
def test_limits_of_all_files(made: Made, tmp_path: Path) -> None:
    right = {CLIENT: RIGHT} | {f"{n}": b"" for n in range(499)}
    assert read(made(tmp_path, right)).contents == {CLIENT: RIGHT}
    assert refusal(made(tmp_path / "2", right | {"x": b""})) == (
        "the submission has more than 500 files and folders: hand in only what is asked for"
    )
    skipped = {f".git/{n}": b"" for n in range(600)}
    assert read(made(tmp_path / "3", right | skipped)).contents == {CLIENT: RIGHT}


@pytest.mark.parametrize("pack", [zip_of, tar_of])
@pytest.mark.parametrize("also", [{}, {"notes.txt": b""}])
def test_an_archive_in_a_folder_is_read(
    pack: Callable[[dict[str, bytes]], bytes], also: dict[str, bytes], tmp_path: Path
) -> None:
    inner = pack({"x/client.py": RIGHT})
    path = folder_of(tmp_path / "jane", {"hand-in.zip": inner} | also)
    assert read(path).contents == {CLIENT: RIGHT}


def test_an_archive_beside_what_is_wanted_is_another_file(tmp_path: Path) -> None:
    path = folder_of(tmp_path, {"old.zip": zip_of({CLIENT: b"old"}), CLIENT: RIGHT})
    assert (read(path).contents, read(path).other_names) == ({CLIENT: RIGHT}, ("old.zip",))


def test_an_archive_is_told_by_its_content(tmp_path: Path) -> None:
    assert read(write(tmp_path / "jane.py", zip_of({CLIENT: RIGHT}))).contents == {CLIENT: RIGHT}
    assert read(write(tmp_path / "jane.zip", tar_of({CLIENT: RIGHT}))).contents == {CLIENT: RIGHT}
    assert "no zip or tar archive" in refusal(write(tmp_path / "x.rar", b"Rar!"))


def test_what_is_gone_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "x.py") == "the submission can't be read: No such file or directory"
