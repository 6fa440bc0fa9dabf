"""Whatever was handed in, reading it gives files or RefusalError, never another error."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from labctl.submissions import RefusalError, Submission, find_submissions
from tests.unit.submissions.build import (
    CENTRAL,
    CLIENT,
    END,
    LOCAL,
    RIGHT,
    WANTED,
    pax,
    raw_zip,
    tar_of,
    write,
    zip_of,
)

FUZZ = settings(
    max_examples=400,
    # the folder is one for all examples, and each writes its file anew
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
FILES = {CLIENT: RIGHT, "jane/answers.yaml": b"a: b\n", "x/y/z.txt": b"text" * 99}
BULK = {f"Jane_{n}_assignsubmission_file_/client.py": RIGHT for n in range(3)}
MODES = ("w", "w:gz", "w:bz2", "w:xz")
ARCHIVES = [zip_of(FILES), zip_of(FILES, 0), zip_of(BULK), zip_of({"a.zip": zip_of(FILES)})]
ARCHIVES += [tar_of(FILES, mode) for mode in MODES] + [pax(path="a", size="9") + tar_of(FILES)]
NAMES = st.sampled_from(["a.zip", "a.tgz", "a.py", "a", "a_1_2_x.py"])
PIECES = st.sampled_from(
    [b"", b"\0", b"\xff" * 4, b"\x80", LOCAL, CENTRAL, END, b"PK\x06\x06", b"PK\x06\x07"]
) | st.sampled_from(
    [
        b"BZh9",
        b"\x1f\x8b\x08",
        b"\xfd7zXZ\0",
        b"../",
        b"/",
        b"\\",
        b"7777777",
        bytes(512),
        b"99 path=",
    ]
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A right archive with some bytes cut out, put in or replaced."""
    data = draw(st.sampled_from(ARCHIVES))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = start + draw(st.sampled_from([0, 1, 2, 4, 8, 100, 512]))
        piece = draw(PIECES | st.binary(max_size=8))
        data = data[:start] + piece + data[end:]
    return data


def reads(path: Path) -> None:
    for each in find_submissions([path], WANTED):
        said = _outcome(each)
        assert all(text.isprintable() and len(text) < 1000 for text in said)


def _outcome(each: Submission) -> tuple[str, ...]:
    """What is said of a submission: the message, or the names of files."""
    try:
        found = each.read(WANTED)
    except RefusalError as error:
        return (error.message,)
    assert set(found.contents) <= set(WANTED)
    return (*found.contents, *found.other_names)


@FUZZ
@given(name=NAMES, data=st.binary(max_size=2000))
@example(name="a.zip", data=LOCAL)
@example(name="a.zip", data=END + bytes(18))
@example(name="a", data=b"\x1f\x8b")
def test_any_bytes(name: str, data: bytes, tmp_path: Path) -> None:
    reads(write(tmp_path / name, data))


@FUZZ
@given(name=NAMES, start=st.sampled_from([LOCAL, END, b"\x1f\x8b\x08\0", b"BZh9", b"\xfd7zXZ\0"]),
       data=st.binary(max_size=2000))  # fmt: skip
def test_any_bytes_after_those_that_tell_an_archive(
    name: str, start: bytes, data: bytes, tmp_path: Path
) -> None:
    reads(write(tmp_path / name, start + data))


@FUZZ
@given(name=NAMES, data=mutated())
def test_any_change_of_a_right_archive(name: str, data: bytes, tmp_path: Path) -> None:
    reads(write(tmp_path / name, data))


@FUZZ
@given(at=st.integers(0, 155), value=st.binary(min_size=1, max_size=12))
def test_any_field_of_a_tar_header(at: int, value: bytes, tmp_path: Path) -> None:
    """With a checksum that is right, so that the field is looked at."""
    block = bytearray(tar_of(FILES))
    block[at : at + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block[:512])
    reads(write(tmp_path / "a.tar", bytes(block)))


@FUZZ
@given(names=st.lists(st.text(st.characters(codec="utf-8"), max_size=20), max_size=5))
def test_any_names_in_a_zip(names: list[str], tmp_path: Path) -> None:
    reads(write(tmp_path / "a.zip", raw_zip(names)))
