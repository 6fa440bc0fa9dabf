"""Tar archives that break a rule; each with what it is called, and what its student is told."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Callable

from tests.unit.submissions.build import (
    CLIENT,
    END_OF_TAR,
    RIGHT,
    header,
    padded,
    pax,
    tar_of,
    tar_with,
)

KIB = 1024
MIB = 1024 * KIB
_PLAIN = {CLIENT: RIGHT}
_NO_DATA = header(CLIENT, 0)


def _tar(*blocks: bytes) -> bytes:
    right = header(CLIENT, len(RIGHT)) + padded(RIGHT)
    return right + b"".join(blocks) + END_OF_TAR


TARS: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "tar-symlink": (
        "a.tar",
        lambda: tar_with(tarfile.SYMTYPE, "x.py"),
        '"x.py" is a symbolic link: hand in the file that it leads to',
    ),
    "tar-hard-link": (
        "a.tar",
        lambda: tar_with(tarfile.LNKTYPE, "x.py"),
        '"x.py" is a hard link: hand in the file itself',
    ),
    "tar-device": (
        "a.tar",
        lambda: tar_with(tarfile.CHRTYPE, "tty"),
        '"tty" is a device: hand in files only',
    ),
    "tar-fifo": (
        "a.tar",
        lambda: tar_with(tarfile.FIFOTYPE, "pipe"),
        '"pipe" is a pipe: hand in files only',
    ),
    "tar-unknown-kind": (
        "a.tar",
        lambda: _tar(header("x.py", 0, b"V")),
        '"x.py" is of the kind "V", which labctl can\'t read: pack the files as a plain zip',
    ),
    "tar-sparse": (
        "a.tar",
        lambda: _tar(header("x.py", 0, b"S")),
        '"x.py" is of the kind "S", which labctl can\'t read: pack the files as a plain zip',
    ),
    "tar-pax-sparse": (
        "a.tar",
        lambda: _tar(pax(GNU__sparse__major="1"), _NO_DATA),
        '"pax" is a sparse file: pack the files again',
    ),
    "tar-parent": (
        "a.tar",
        lambda: _tar(header("../x.py", 0)),
        '"../x.py" leads out of its folder with ..: pack the folder itself',
    ),
    "tar-pax-absolute": (
        "a.tar",
        lambda: _tar(pax(path="/etc/passwd"), _NO_DATA),
        '"/etc/passwd" is an absolute path: pack the files with relative names',
    ),
    "tar-pax-nul": (
        "a.tar",
        lambda: _tar(pax(path="a\0b"), _NO_DATA),
        '"a\\x00b" has a control character in its name: rename that file',
    ),
    "tar-pax-global": (
        "a.tar",
        lambda: _tar(header("g", 14, b"g"), padded(b"14 path=/x.py\n")),
        "the archive gives all its files one name or size: pack the files again",
    ),
    "tar-pax-bomb": (
        "a.tar.gz",
        lambda: gzip.compress(_tar(header("pax", 19 * MIB, b"x"), bytes(19 * MIB))),
        '"pax" is a header of more than 16 KiB: pack the files again',
    ),
    "tar-pax-damaged": (
        "a.tar",
        lambda: _tar(header("pax", 14, b"x"), padded(b"99999 path=/x\n")),
        "the archive is damaged or incomplete: pack it again and hand it in again",
    ),
    "tar-duplicate": (
        "a.tar",
        lambda: _tar(_NO_DATA),
        '"client.py" is there twice: keep one of them',
    ),
    "tar-folder-with-content": (
        "a.tar",
        lambda: _tar(header("x", 512, b"5"), bytes(512)),
        '"x" has content, but is no file: pack the files again',
    ),
    "tar-huge-size": (
        "a.tar",
        lambda: _tar(header("x.py", 7 * 1024 * MIB)),
        '"x.py" makes the files larger than 20 MiB in total: hand in only what is asked for',
    ),
    "tar-many-skipped": (
        "a.tar",
        lambda: _tar(header(".git/x", 0) * 5001),
        'the submission has more than 5000 entries like ".git/x": leave them out',
    ),
    "tar-cut-off": (
        "a.tar",
        lambda: tar_of(_PLAIN)[:700],
        "the archive is damaged or incomplete: pack it again and hand it in again",
    ),
    "tar-without-end": (
        "a.tar",
        lambda: _tar()[: -len(END_OF_TAR)],
        "the archive is damaged or incomplete: pack it again and hand it in again",
    ),
    "tar-wrong-checksum": (
        "a.tar",
        lambda: _tar(b"y" + header("x.py", 0)[1:]),
        "the archive is damaged or incomplete: pack it again and hand it in again",
    ),
    "tar-after-its-end": (
        "a.tar",
        lambda: _tar() + _tar(),
        "the archive has data after its end: pack the files again",
    ),
    "gzip-bomb": (
        "a.tgz",
        lambda: gzip.compress(_tar(header("__MACOSX/x", 26 * MIB), bytes(26 * MIB))),
        "the archive unpacks to more than 20 MiB: hand in only what is asked for",
    ),
    "gzip-bomb-after-its-end": (
        "a.tgz",
        lambda: gzip.compress(_tar() + bytes(26 * MIB)),
        "the archive unpacks to more than 20 MiB: hand in only what is asked for",
    ),
    "gzip-cut-off": (
        "a.tgz",
        lambda: gzip.compress(_tar())[:-4],
        "the archive is damaged or incomplete: pack it again and hand it in again",
    ),
    "gzip-many-streams": (
        "a.tgz",
        lambda: gzip.compress(b"") * 1001 + gzip.compress(_tar()),
        "the file has more than 1000 compressed streams: pack it again",
    ),
    "gzip-of-no-tar": (
        "client.py.gz",
        lambda: gzip.compress(RIGHT * 100),
        "the archive is damaged or incomplete: pack it again and hand it in again",
    ),
    "bzip2-bomb": (
        "a.tar.bz2",
        lambda: bz2.compress(_tar(header("__MACOSX/x", 26 * MIB), bytes(26 * MIB))),
        "the archive unpacks to more than 20 MiB: hand in only what is asked for",
    ),
    "xz-bomb": (
        "a.tar.xz",
        lambda: lzma.compress(_tar(header("__MACOSX/x", 26 * MIB), bytes(26 * MIB)), preset=0),
        "the archive unpacks to more than 20 MiB: hand in only what is asked for",
    ),
    "xz-of-much-memory": (
        "a.tar.xz",
        lambda: lzma.compress(_tar(), filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 32 * MIB}]),
        "the archive needs too much memory to unpack: hand in a zip",
    ),
}
