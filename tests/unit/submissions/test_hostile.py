"""Every hostile archive is refused, with a message that names what is wrong and what to do."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from labctl.submissions import RefusalError, find_submissions
from tests.unit.submissions.build import RIGHT, WANTED, write, zip_of
from tests.unit.submissions.hostile import HOSTILE, MESSAGES

MIB = 1024 * 1024


def message_of(path: Path) -> str:
    (one,) = find_submissions([path], WANTED)
    with pytest.raises(RefusalError) as caught:
        one.read(WANTED)
    return caught.value.message


@pytest.mark.parametrize("kind", HOSTILE)
def test_is_refused_with_its_message(kind: str, tmp_path: Path) -> None:
    assert message_of(HOSTILE[kind](tmp_path)) == MESSAGES[kind]


@pytest.mark.parametrize("kind", HOSTILE)
def test_takes_little_memory_and_writes_nothing(kind: str, tmp_path: Path) -> None:
    path = HOSTILE[kind](tmp_path / "in")
    tracemalloc.start()
    try:
        message_of(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 30 * MIB
    assert list(tmp_path.rglob("*")) == [tmp_path / "in", path]


def test_every_message_is_one_printable_line() -> None:
    assert all(message.isprintable() and len(message) < 200 for message in MESSAGES.values())


@pytest.mark.parametrize("kind", ["zip-symlink", "tar-parent", "gzip-bomb"])
def test_says_in_which_archive_of_a_folder(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "class"
    path = HOSTILE[kind](folder / "jane")
    (one,) = find_submissions([folder], WANTED)
    with pytest.raises(RefusalError) as caught:
        one.read(WANTED)
    assert caught.value.message == f'in "{path.name}": {MESSAGES[kind]}'


@pytest.mark.parametrize("kind", [kind for kind in HOSTILE if kind != "zip-large"])
def test_is_refused_inside_a_course_zip_too(kind: str, tmp_path: Path) -> None:
    path = HOSTILE[kind](tmp_path)
    bulk = {f"Jane Doe_1_assignsubmission_file_/{path.name}": path.read_bytes()}
    bulk["Bob_2_assignsubmission_file_/client.py"] = RIGHT
    jane, bob = find_submissions([write(tmp_path / "bulk.zip", zip_of(bulk, 0))], WANTED)
    with pytest.raises(RefusalError) as caught:
        jane.read(WANTED)
    assert caught.value.message in (f'in "{path.name}": {MESSAGES[kind]}', MESSAGES[kind])
    assert bob.read(WANTED).contents == {"client.py": RIGHT}


def test_the_largest_that_is_right_takes_little_memory(tmp_path: Path) -> None:
    """With what zlib takes, which tracemalloc doesn't see: in a process of its own."""
    files = {"client.py": RIGHT, "x": bytes(9 * MIB)}
    bulk = {"Jane_1_assignsubmission_file_/a.zip": zip_of(files, 0)}
    path = write(tmp_path / "bulk.zip", zip_of(bulk, 0))
    program = (
        "import resource, sys, pathlib\n"
        "from labctl.submissions import find_submissions\n"
        "used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "(one,) = find_submissions([pathlib.Path(sys.argv[1])], ['client.py'])\n"
        "before = used()\n"
        "assert one.read(['client.py']).contents\n"
        "print(used() - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], check=True, capture_output=True, text=True
    )
    assert int(done.stdout) < 30 * 1024
