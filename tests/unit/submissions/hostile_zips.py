"""Zip archives that break a rule; each with what it is called, and what its student is told."""

from __future__ import annotations

import random
import stat
import struct
import zipfile
from collections.abc import Callable

from tests.unit.submissions.build import (
    CENTRAL,
    CLIENT,
    END,
    FIFO,
    LINK,
    LOCAL,
    RIGHT,
    overlapping_zip,
    patched,
    raw_zip,
    zip_of,
    zip_with,
)

KIB = 1024
MIB = 1024 * KIB
_HAND_IN = "hand in client.py and answers.yaml"
_METHOD = (
    '"client.py" is compressed with method {}, which labctl can\'t read: pack the files as a plain '
    "zip"
)
_PLAIN = {CLIENT: RIGHT}
_PATTERN = random.Random(1).randbytes(8 * KIB)  # noqa: S311 it keeps no secret
"""Packed over and over, it takes a hundredth: more than a bomb does."""


def _encrypted() -> bytes:
    return patched(zip_of(_PLAIN), CENTRAL, 8, b"\x01\0")


def _wrong_checksum() -> bytes:
    stored = zip_of(_PLAIN, zipfile.ZIP_STORED)
    return stored.replace(b"LAB_HOST", b"LAB_PORT")


def _large_directory() -> bytes:
    return zip_of({f"{number:0400d}": b"" for number in range(2600)})


def _long_comment() -> bytes:
    return patched(zip_of(_PLAIN), END, 12, struct.pack("<I", 9 * MIB))


ZIPS: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "zip-symlink": (
        "a.zip",
        lambda: zip_with("run.py", LINK),
        '"run.py" is a symbolic link: hand in the file that it leads to',
    ),
    "zip-symlink-for-wanted": (
        "a.zip",
        lambda: zip_with("x/answers.yaml", LINK, b"../../../key.yaml"),
        '"x/answers.yaml" is a symbolic link: hand in the file that it leads to',
    ),
    "zip-fifo": (
        "a.zip",
        lambda: zip_with("pipe", FIFO),
        '"pipe" is a device, pipe or socket: hand in files only',
    ),
    "zip-device": (
        "a.zip",
        lambda: zip_with("sda", stat.S_IFBLK | 0o666),
        '"sda" is a device, pipe or socket: hand in files only',
    ),
    "zip-folder-with-mode-of-file": (
        "a.zip",
        lambda: zip_with("folder/", stat.S_IFREG | 0o644, b""),
        '"folder/" is both a file and a folder: pack the files again',
    ),
    "zip-folder-with-content": (
        "a.zip",
        lambda: raw_zip([CLIENT, "folder/"]),
        '"folder/" is a folder, but has content: pack the files again',
    ),
    "zip-absolute": (
        "a.zip",
        lambda: raw_zip([CLIENT, "/etc/cron.d/x"]),
        '"/etc/cron.d/x" is an absolute path: pack the files with relative names',
    ),
    "zip-drive-letter": (
        "a.zip",
        lambda: raw_zip([CLIENT, "C:/x.py"]),
        '"C:/x.py" begins with a drive letter: pack the files with relative names',
    ),
    "zip-backslash": (
        "a.zip",
        lambda: raw_zip([CLIENT, "jane\\x.py"]),
        '"jane\\x.py" has a backslash in its name: write / between folders',
    ),
    "zip-parent": (
        "a.zip",
        lambda: raw_zip([CLIENT, "x/../../client.py"]),
        '"x/../../client.py" leads out of its folder with ..: pack the folder itself',
    ),
    "zip-nul-in-name": (
        "a.zip",
        lambda: raw_zip(["client.py\0.txt"]),
        '"client.py\\x00.txt" has a control character in its name: rename that file',
    ),
    "zip-escape-in-name": (
        "a.zip",
        lambda: raw_zip([CLIENT, "\x1b[2Jx.py"]),
        '"\\x1b[2Jx.py" has a control character in its name: rename that file',
    ),
    "zip-newline-in-name": (
        "a.zip",
        lambda: raw_zip([CLIENT, "x\ny"]),
        '"x\\ny" has a control character in its name: rename that file',
    ),
    "zip-long-name": (
        "a.zip",
        lambda: raw_zip([CLIENT, "n" * 501]),
        f'"{"n" * 60}..." has a name of more than 500 characters: shorten it',
    ),
    "zip-deep": (
        "a.zip",
        lambda: raw_zip([CLIENT, "d/" * 32 + "x"]),
        f'"{"d/" * 30}..." is more than 32 folders deep: move it further up',
    ),
    "zip-dot": (
        "a.zip",
        lambda: raw_zip([CLIENT, "."]),
        '"." is a file without a name: pack the files again',
    ),
    "zip-duplicate": (
        "a.zip",
        lambda: raw_zip([CLIENT, CLIENT]),
        '"client.py" is there twice: keep one of them',
    ),
    "zip-duplicate-by-dot": (
        "a.zip",
        lambda: raw_zip([CLIENT, "./client.py"]),
        '"client.py" is there twice: keep one of them',
    ),
    "zip-case": (
        "a.zip",
        lambda: zip_of({CLIENT: RIGHT, "Client.py": RIGHT}),
        '"Client.py" and "client.py" are the same name on some systems: rename one of them',
    ),
    "zip-case-of-folders": (
        "a.zip",
        lambda: zip_of({"a/client.py": RIGHT, "A/x.py": RIGHT}),
        '"A" and "a" are the same name on some systems: rename one of them',
    ),
    "zip-normalisation": (
        "a.zip",
        lambda: zip_of({CLIENT: RIGHT, "\u00e9.py": b"", "e\u0301.py": b""}),
        '"e\u0301.py" and "\u00e9.py" are the same name on some systems: rename one of them',
    ),
    "zip-file-and-folder": (
        "a.zip",
        lambda: zip_of({CLIENT: RIGHT, "client.py/x.py": RIGHT}),
        '"client.py" is both a file and a folder: rename one of them',
    ),
    "zip-encrypted": (
        "a.zip",
        _encrypted,
        '"client.py" is encrypted: pack the files without a password',
    ),
    "zip-lzma": (
        "a.zip",
        lambda: zip_of(_PLAIN, zipfile.ZIP_LZMA),
        _METHOD.format(14),
    ),
    "zip-unknown-compression": (
        "a.zip",
        lambda: patched(zip_of(_PLAIN), CENTRAL, 10, b"\x63\0"),
        _METHOD.format(99),
    ),
    "zip-cut-off": (
        "a.zip",
        lambda: zip_of(_PLAIN)[:-30],
        "the zip is damaged or incomplete: pack it again and hand it in again",
    ),
    "zip-wrong-checksum": (
        "a.zip",
        _wrong_checksum,
        '"client.py" is damaged or incomplete: pack it again and hand it in again',
    ),
    "zip-two-names": (
        "a.zip",
        lambda: patched(zip_of(_PLAIN), LOCAL, 30, b"server.py"),
        '"client.py" is damaged or incomplete: pack it again and hand it in again',
    ),
    "zip-prefixed": (
        "a.zip",
        lambda: zip_of({CLIENT: b"other"}) + zip_of(_PLAIN),
        "the zip has bytes before its first entry: pack the files again",
    ),
    "zip-overlap": (
        "a.zip",
        overlapping_zip,
        '"client.py" overlaps another entry: pack the files again',
    ),
    "zip-bomb": (
        "a.zip",
        lambda: zip_of({CLIENT: RIGHT, "zeros": bytes(MIB)}),
        '"zeros" unpacks to more than 200 times its size: leave it out, or compress it less',
    ),
    "zip-size-that-lies": (
        "a.zip",
        lambda: patched(zip_of({CLIENT: RIGHT}), CENTRAL, 24, struct.pack("<I", 9 * KIB)),
        '"client.py" is damaged or incomplete: pack it again and hand it in again',
    ),
    "zip-total": (
        "a.zip",
        lambda: zip_of({f"{n:02}.bin": _PATTERN * 128 for n in range(21)}),
        '"20.bin" makes the files larger than 20 MiB in total: hand in only what is asked for',
    ),
    "zip-many": (
        "a.zip",
        lambda: zip_of({f"{n}.py": b"" for n in range(501)}),
        "the submission has more than 500 files and folders: hand in only what is asked for",
    ),
    "zip-large-directory": (
        "a.zip",
        _large_directory,
        "the directory of the zip is too large: hand in only what is asked for",
    ),
    "zip-directory-size-that-lies": (
        "a.zip",
        _long_comment,
        "the zip is damaged or incomplete: pack it again and hand it in again",
    ),
    "zip-large-wanted": (
        "a.zip",
        lambda: zip_of({CLIENT: RIGHT * 8000}, zipfile.ZIP_STORED),
        '"client.py" has more than 256 KiB: make it smaller',
    ),
    "zip-large": (
        "a.zip",
        lambda: zip_of({CLIENT: RIGHT, "x": bytes(11 * MIB)}, zipfile.ZIP_STORED),
        '"a.zip" has more than 10 MiB: hand in only what is asked for',
    ),
    "zip-in-zip": (
        "a.zip",
        lambda: zip_of({"inner.zip": zip_of(_PLAIN)}),
        f'the submission has "inner.zip", but no file that is asked for: {_HAND_IN}',
    ),
    "zip-of-two": (
        "a.zip",
        lambda: zip_of({"a/client.py": RIGHT, "b/client.py": RIGHT}),
        'client.py is there as "a/client.py" and as "b/client.py": keep one of them',
    ),
    "zip-empty": (
        "a.zip",
        lambda: zip_of({}),
        "the submission has no files: hand in client.py and answers.yaml",
    ),
    "no-archive": (
        "a.zip",
        lambda: b"Rar!\x1a\x07\x01\0" * 100,
        '"a.zip" is no zip or tar archive: hand in a zip',
    ),
}
