"""Records of labs: which are there, whose they are, and how their labs end."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from labctl.engine.local import records as records_module
from labctl.engine.local.records import LabRecord, Records, default_folder, end_lab
from labctl.engine.process import Life, life_of, own_process, text_of
from tests.unit.nobody import NOBODY, as_nobody, let_everybody_enter

LIMIT_S = 20
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become someone else")
STUBBORN = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(flush=True)
signal.pause()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "runtime/labctl"


@pytest.fixture
def records(folder: Path) -> Records:
    return Records(folder)


@contextmanager
def sleeping() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"]) as process:
        try:
            yield process
        finally:
            process.kill()


def own(network: str = "lab-1", **labels: str) -> LabRecord:
    """The record of a lab that ends with this process."""
    return LabRecord(
        network=network,
        pid=os.getpid(),
        process=own_process(),
        labels=labels,
        containers={"c1": {"a": "b"}, "c2": {}},
    )


def of(process: subprocess.Popen[bytes]) -> LabRecord:
    return replace(own(), pid=process.pid, process=text_of(process.pid))


def test_what_is_written_can_be_read(records: Records, folder: Path) -> None:
    one, two = own("lab-1", keep="yes"), own("lab.2")
    records.write(two)
    records.write(one)
    assert Records(folder).all() == [one, two]


def test_others_can_not_look_into_the_folder(records: Records, folder: Path) -> None:
    records.write(own())
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_record_is_replaced_by_a_later_one(records: Records, folder: Path) -> None:
    records.write(own(one="1"))
    records.write(own(two="2"))
    assert records.all() == [own(two="2")]
    assert len(list(folder.iterdir())) == 1


def test_a_record_is_removed(records: Records, folder: Path) -> None:
    records.write(own("lab-1"))
    records.write(own("lab-2"))
    records.remove("lab-1")
    records.remove("lab-1")
    assert records.all() == [own("lab-2")]
    assert len(list(folder.iterdir())) == 1


def test_without_a_folder_there_are_none(records: Records, folder: Path) -> None:
    assert records.all() == []
    records.remove("lab-1")
    assert not folder.exists()


def test_the_record_of_a_process_that_has_ended_is_removed(records: Records, folder: Path) -> None:
    with sleeping() as process:
        ended = of(process)
        records.write(ended)
        assert records.all() == [ended]
    assert records.all() == []
    assert not list(folder.iterdir())


def test_an_id_that_is_used_again_is_not_the_lab(records: Records) -> None:
    records.write(replace(own(), process=own_process() + "0"))
    assert records.all() == []


@pytest.mark.parametrize(
    "text",
    ["[]", "null", "{}", json.dumps({**asdict(own()), "more": 1})],
    ids=["list", "null", "too little", "too much"],
)
def test_what_is_no_record_is_passed_over(records: Records, folder: Path, text: str) -> None:
    records.write(own())
    (folder / "another.json").write_bytes(text.encode("latin-1"))
    (folder / "lab-2.new").write_text(json.dumps(asdict(own("lab-2"))), "utf-8")
    assert records.all() == [own()]
    assert (folder / "another.json").exists()


@pytest.mark.parametrize("text", ["", "{", "\xff"], ids=["empty", "broken", "no text"])
def test_what_was_not_written_to_its_end_is_removed(
    records: Records, folder: Path, text: str
) -> None:
    """Whoever wrote it was killed: nobody writes now, since a writer locks the file."""
    records.write(own())
    place = folder / "another.json"
    place.write_bytes(text.encode("latin-1"))
    assert records.all() == [own()]
    assert not place.exists()


def test_a_record_is_not_read_while_it_is_written(records: Records, folder: Path) -> None:
    records.write(own())
    place = folder / "lab-1.json"
    with place.open("r+b") as file, ThreadPoolExecutor(1) as pool:
        fcntl.flock(file, fcntl.LOCK_EX)
        text = file.read()
        file.truncate(0)
        reading = pool.submit(records.all)
        with pytest.raises(FutureTimeoutError):
            reading.result(0.1)
        file.seek(0)
        file.write(text)
        file.flush()
        fcntl.flock(file, fcntl.LOCK_UN)
        assert reading.result(LIMIT_S) == [own()]


def test_a_record_that_was_removed_meanwhile_is_written_again(
    records: Records, folder: Path
) -> None:
    """One that reads between the making of a file and its lock takes it for an unfinished one."""
    records.write(own())
    place = folder / "lab-1.json"
    with place.open("r+b") as file, ThreadPoolExecutor(1) as pool:
        fcntl.flock(file, fcntl.LOCK_EX)
        writing = pool.submit(records.write, own(two="2"))
        with pytest.raises(FutureTimeoutError):
            writing.result(0.1)
        place.unlink()
        fcntl.flock(file, fcntl.LOCK_UN)
        writing.result(LIMIT_S)
    assert records.all() == [own(two="2")]


@NEEDS_ROOT
def test_a_record_of_another_user_is_passed_over(records: Records, folder: Path) -> None:
    """Whoever may write there must not have our processes ended."""
    records.write(own("lab-1"))
    records.write(own("lab-2"))
    os.chown(folder / "lab-1.json", NOBODY, NOBODY)
    assert records.all() == [own("lab-2")]
    assert (folder / "lab-1.json").exists()


@NEEDS_ROOT
def test_a_folder_that_can_not_be_written_is_no_error(records: Records, folder: Path) -> None:
    records.write(own())
    let_everybody_enter(folder)
    with as_nobody():
        records.write(own("lab-2"))
        records.remove("lab-1")
        assert records.all() == []
        Records(folder / "further/down").write(own())
    assert records.all() == [own()]
    assert len(list(folder.iterdir())) == 1


def test_a_folder_that_is_a_file_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    records = Records(tmp_path / "file")
    records.write(own())
    records.remove("lab-1")
    assert records.all() == []


def test_a_lab_is_ended(records: Records) -> None:
    with sleeping() as process:
        record = of(process)
        records.write(record)
        assert end_lab(record)
        assert life_of(record.process) is Life.ENDED
        assert process.wait(LIMIT_S) == -15
        assert end_lab(record), "it has gone already"


def test_a_process_that_has_the_id_of_a_lab_now_is_left_alone() -> None:
    with sleeping() as process:
        assert end_lab(replace(of(process), process=own_process() + "0"))
        assert process.poll() is None


def test_a_lab_that_does_not_end_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records_module, "_PATIENCE_S", 0.05)
    command = [sys.executable, "-I", "-S", "-c", STUBBORN]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        record = of(process)
        try:
            assert not end_lab(record)
            assert process.poll() is None
        finally:
            process.kill()
        process.wait(LIMIT_S)
        assert end_lab(record)


@pytest.mark.parametrize("given", ["", "relative"])
def test_the_folder_is_the_users_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: str
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert default_folder() == tmp_path / "labctl"
    monkeypatch.setenv("XDG_RUNTIME_DIR", given)
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    own = {Path("relative"), Path("/run/user/4711")}
    monkeypatch.setattr(records_module, "_is_own", lambda path: path in own)
    assert default_folder() == Path("/run/user/4711/labctl")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    own.clear()
    assert default_folder() == tmp_path / "labctl-4711"
    monkeypatch.setattr(os, "getuid", lambda: 0)
    own.add(Path("/run"))
    assert default_folder() == Path("/run/labctl")


@pytest.mark.parametrize("mode", [0o755, 0o775, 0o777, 0o1777])
def test_a_runtime_folder_that_others_write_to_is_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mode: int
) -> None:
    tmp_path.chmod(mode)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert (default_folder() == tmp_path / "labctl") == (mode == 0o755)


def test_nothing_is_written_to_a_folder_that_others_write_to(tmp_path: Path) -> None:
    """They could put a link there, and have us write to what it leads to."""
    folder = tmp_path / "labctl"
    folder.mkdir()
    folder.chmod(0o777)
    Records(folder).write(own())
    assert not list(folder.iterdir())
    folder.chmod(0o700)
    Records(folder).write(own())
    [place] = folder.iterdir()
    assert place.name == "lab-1.json"


def test_a_folder_that_is_a_link_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "labctl").symlink_to("elsewhere")
    Records(tmp_path / "labctl").write(own())
    assert not list((tmp_path / "elsewhere").iterdir())


def test_records_are_in_that_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    Records().write(own())
    assert (tmp_path / "labctl/lab-1.json").exists()
