"""Archives as packers make them are read, each format and each way to write it."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
import zipfile
from pathlib import Path

import pytest

from labctl.submissions import RefusalError, compression
from labctl.submissions.reading import open_archive
from tests.unit.submissions.build import (
    CLIENT,
    END_OF_TAR,
    LINK,
    RIGHT,
    header,
    padded,
    pax,
    tar_of,
    tar_with,
    zip_of,
    zip_with,
)

UTF8 = b"\0\x08\0\0"
"""The flag for it, and that nothing is compressed."""

LONG = "/".join(["folder" * 4] * 8) + "/client.py"


def contents(data: bytes) -> dict[str, bytes]:
    store = open_archive(data)
    assert store is not None
    return store.read(store.entries())


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_tars(mode: str, form: int) -> None:
    files = {f"{LONG}": RIGHT, "./x/Zo\u00eb.txt": b"", "y": bytes(700)}
    if form == tarfile.USTAR_FORMAT:
        files = {LONG: RIGHT, "y": bytes(700)}
    expected = {name.removeprefix("./"): data for name, data in files.items()}
    assert contents(tar_of(files, mode, format=form)) == expected


def test_a_tar_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "jane").mkdir()
    (tmp_path / "jane/client.py").write_bytes(RIGHT)
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        archive.add(tmp_path, ".")
    assert contents(made.getvalue()) == {"jane/client.py": RIGHT}


def test_a_tar_of_the_oldest_kind() -> None:
    block = bytearray(header(CLIENT, len(RIGHT), b"\0"))
    block[257:265] = bytes(8)
    block[148:156] = b"%06o\0 " % (sum(block) - sum(block[148:156]) + 256)
    assert contents(bytes(block) + padded(RIGHT) + END_OF_TAR) == {CLIENT: RIGHT}


def test_pax_records_count_for_the_next_entry_alone() -> None:
    first = pax(path="x/y.py", size=str(len(RIGHT)), mtime="1") + header("z", 0) + padded(RIGHT)
    assert contents(first + header("z", 0) + END_OF_TAR) == {"x/y.py": RIGHT, "z": b""}


def test_names_in_tars_that_are_not_utf_8() -> None:
    block = header("Zo\u00eb", 0).replace("\u00eb".encode(), b"\xeb\0")
    total = sum(block) - sum(block[148:156]) + 256
    assert contents(block[:148] + b"%06o\0 " % total + block[156:] + END_OF_TAR) == {
        "Zo\u00eb": b""
    }


def test_several_gzip_streams_and_zeros_after_them() -> None:
    data = tar_of({CLIENT: RIGHT})
    assert contents(gzip.compress(data[:700]) + gzip.compress(data[700:]) + bytes(999)) == {
        CLIENT: RIGHT
    }


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_what_takes_many_pieces_to_unpack(mode: str) -> None:
    noise = random.Random(1).randbytes(300_000)  # noqa: S311 it keeps no secret
    files = {CLIENT: RIGHT, "noise": noise, "zeros": bytes(3 << 20), "last": RIGHT}
    assert contents(tar_of(files, mode)) == files


def test_a_checksum_of_the_packing_is_compared() -> None:
    data = bytearray(gzip.compress(tar_of({CLIENT: RIGHT})))
    data[-6] ^= 1
    with pytest.raises(RefusalError, match="damaged"):
        contents(bytes(data))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zips(method: int) -> None:
    files = {LONG: RIGHT, "x/Zo\u00eb.txt": b"", "y": bytes(700)}
    assert contents(zip_of({"x/": b"", **files}, method)) == files


def test_a_zip_written_to_a_pipe() -> None:
    """Sizes come after the data then, and may be those of zip64."""

    class Pipe(io.RawIOBase):
        written = b""

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.written += bytes(data)
            return len(data)

    pipe = Pipe()
    with (
        zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(CLIENT, "w", force_zip64=True) as file,
    ):
        file.write(RIGHT)
    assert contents(pipe.written) == {CLIENT: RIGHT}


def test_names_in_zips_that_do_not_say_that_they_are_utf_8() -> None:
    unsaid = zip_of({"Zo\u00eb": b""}, zipfile.ZIP_STORED).replace(UTF8, bytes(4))
    assert contents(unsaid) == {"Zo\u00eb": b""}
    assert contents(unsaid.replace("\u00eb".encode(), b"\x89x")) == {"Zo\u00ebx": b""}


def test_links_among_what_is_skipped_do_not_matter() -> None:
    assert contents(zip_with(".venv/bin/python", LINK)) == {CLIENT: RIGHT}
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
        assert contents(tar_with(kind, "__MACOSX/x")) == {CLIENT: RIGHT}


def test_small_files_may_be_packed_tightly() -> None:
    assert contents(zip_of({CLIENT: bytes(64 * 1024)})) == {CLIENT: bytes(64 * 1024)}


def test_a_python_without_xz(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking() -> compression._Unpacker:
        raise ImportError

    xz = compression.Compression(name="xz", magic=b"\xfd7zXZ\x00", new_unpacker=lacking)
    data = tar_of({CLIENT: RIGHT}, "w:xz")
    monkeypatch.setattr("labctl.submissions.tars.COMPRESSIONS", [xz])
    with pytest.raises(RefusalError, match="this Python can't read xz: hand in a zip"):
        contents(data)
