from __future__ import annotations

import os
from pathlib import Path

import pytest

from labctl.engine import id_ranges
from labctl.engine.id_ranges import has_id_range, id_range


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "subuid"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("jane:100000:65536\n", (100000, 65536)),
        ("1000:100000:65536\n", (100000, 65536)),
        ("joe:1:2\njane:165536:65536\n", (165536, 65536)),
        ("jane:5:10\n1000:300000:70000\njane:100000:65536\n", (300000, 70000)),
        (" jane : 5 : 10 ", (5, 10)),
        ("", None),
        ("joe:100000:65536\n", None),
        ("jane:100000:0\n", None),
        ("jane:100000\njane::\njane:-5:10\njane:a:b\njane:1:2:3\njane\n", None),
        ("# jane:100000:65536\n", None),
    ],
)
def test_the_largest_range_of_a_user(file: Path, text: str, found: tuple[int, int] | None) -> None:
    file.write_text(text, "utf-8")
    assert id_range(file, "jane", 1000) == found


def test_a_user_without_a_name_has_the_range_of_the_number(file: Path) -> None:
    file.write_text(":1:2\n1000:5:10\n", "utf-8")
    assert id_range(file, "", 1000) == (5, 10)


def test_without_a_file_there_is_no_range(file: Path) -> None:
    assert id_range(file, "jane", 1000) is None


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which this user has all that it takes, beside a folder of programs."""
    files = (tmp_path / "subuid", tmp_path / "subgid")
    for path in files:
        path.write_text(f"{os.getuid()}:100000:65536\n", "utf-8")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("newuidmap", "newgidmap"):
        (programs / name).write_text("")
        (programs / name).chmod(0o755)
    monkeypatch.setattr(id_ranges, "_FILES", files)
    monkeypatch.setenv("PATH", str(programs))
    return tmp_path


@pytest.mark.usefixtures("given")
def test_a_user_with_a_range() -> None:
    assert has_id_range()


@pytest.mark.parametrize("lacking", ["subuid", "subgid", "bin/newuidmap", "bin/newgidmap"])
def test_all_of_it_is_needed(given: Path, lacking: str) -> None:
    (given / lacking).unlink()
    assert not has_id_range()


@pytest.mark.usefixtures("given")
def test_a_user_whom_this_machine_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    number = os.getuid()
    monkeypatch.setattr("pwd.getpwuid", lambda uid: {}[uid])
    assert has_id_range()
    monkeypatch.setattr("os.getuid", lambda: number + 1)
    assert not has_id_range()
