"""Archives made by hand: right ones, and such as no packer makes."""

from __future__ import annotations

import io
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

RIGHT = b"import os\nprint(os.environ['LAB_HOST'])\n"
CLIENT = "client.py"
WANTED = ("client.py", "answers.yaml")
CENTRAL = b"PK\x01\x02"
LOCAL = b"PK\x03\x04"
END = b"PK\x05\x06"


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def zip_of(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


def zip_with(name: str, mode: int, data: bytes = b"/etc/passwd") -> bytes:
    """A right zip, and in it an entry with the mode of a link, a device or so."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(CLIENT, RIGHT)
        info = zipfile.ZipInfo(name)
        info.create_system = 3
        info.external_attr = mode << 16
        archive.writestr(info, data)
    return made.getvalue()


def raw_zip(names: Iterable[str], data: bytes = RIGHT) -> bytes:
    """A zip with names that zipfile would put right, and as often as they are given."""
    made, directory = b"", b""
    encoded = [name.encode() for name in names]
    for name in encoded:
        about = struct.pack("<HHHHHIII", 20, 0x800, 0, 0, 33, zlib.crc32(data), *[len(data)] * 2)
        about += struct.pack("<HH", len(name), 0)
        place = struct.pack("<HHHII", 0, 0, 0, 0, len(made))
        directory += CENTRAL + struct.pack("<H", 20) + about + place + name
        made += LOCAL + about + name + data
    end = struct.pack("<HHHHIIH", 0, 0, *[len(encoded)] * 2, len(directory), len(made), 0)
    return made + directory + END + end


def patched(
    data: bytes, signature: bytes, offset: int, value: bytes, *, last: bool = True
) -> bytes:
    """A zip with some bytes of its last (or first) header of that kind replaced."""
    at = (data.rfind if last else data.find)(signature) + offset
    return data[:at] + value + data[at + len(value) :]


def overlapping_zip() -> bytes:
    """Two entries whose data are the same bytes, as in a bomb of many."""
    data = zip_of({CLIENT: RIGHT, "second.py": RIGHT}, zipfile.ZIP_STORED)
    size = struct.pack("<I", 10_000)
    return patched(patched(data, CENTRAL, 20, size, last=False), CENTRAL, 24, size, last=False)


def tar_of(files: Mapping[str, bytes], mode: str = "w", **more: int) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode, **more) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return made.getvalue()


def tar_with(kind: bytes, name: str, to: str = "/etc/passwd") -> bytes:
    """A right tar, and in it an entry of another kind."""
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = to
    return header(CLIENT, len(RIGHT)) + padded(RIGHT) + info.tobuf(tarfile.GNU_FORMAT) + END_OF_TAR


def header(name: str, size: int, kind: bytes = b"0") -> bytes:
    """A tar header as it is written, whatever is in it; `size` in bytes."""
    start = name.encode().ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2
    start += b"%011o\0" % size + b"%011o\0" % 0
    end = kind + bytes(100) + b"ustar\0" + b"00" + bytes(247)
    total = sum(start) + sum(end) + 8 * ord(" ")
    return start + b"%06o\0 " % total + end


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


def pax(**records: str) -> bytes:
    """A header with pax records for the next entry; `__` in a key is a dot."""
    data = b""
    for key, value in records.items():
        rest = f" {key.replace('__', '.')}={value}\n".encode()
        length = len(rest) + 2
        length = length if len(str(length)) == 2 else len(rest) + len(str(len(rest) + 3))
        data += str(length).encode() + rest
    return header("pax", len(data), b"x") + padded(data)


END_OF_TAR = bytes(1024)
FIFO = stat.S_IFIFO | 0o644
LINK = stat.S_IFLNK | 0o777
