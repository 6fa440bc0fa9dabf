"""Bases packed from an interpreter of this machine and the libraries it loads. No network."""

from __future__ import annotations

import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from labctl.engine.images.builder import Builder
from labctl.engine.images.debian import chunks
from labctl.engine.images.interpreters import Interpreter, Unusable, find
from labctl.engine.images.interruption import Interruption
from labctl.engine.images.names import ImageTarget
from labctl.engine.images.origins import Base, Unavailable, base_key, require_same_machine
from labctl.engine.images.shared_libraries import NoLibraries, loaded_by
from labctl.pythons import series_of

_LAYOUT = 2
"""Counted up when what is packed changes."""

_LEFT_OUT = re.compile(
    r"(?:.*/)?(?:site-packages|dist-packages|tests?|idlelib|tkinter|ensurepip|turtledemo|lib2to3"
    r"|config-[^/]*|_?xx[^/]*|_test[^/]*|_tkinter[^/]*|[^/]*\.a|[^/]*\.opt-\d\.pyc)"
)
_FOLDERS = ("usr", "usr/bin", "usr/sbin", "usr/lib", "usr/local", "usr/local/bin", "usr/local/lib",
            "etc", "etc/ssl", "etc/ssl/certs", "tmp", "root", "var")  # fmt: skip
_LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib",
          "usr/lib64": "lib", "usr/local/lib64": "lib"}  # fmt: skip
"""Every loader looks in one of these for what a program needs, and finds the same folder."""
_FILES = ("etc/services", "etc/protocols", "etc/ssl/certs/ca-certificates.crt")
_NFT_PLACES = "/usr/sbin:/sbin:/usr/local/sbin"


class Host:
    """The origin `host`."""

    name = "host"

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        """Take the variables that say where pyenv and uv keep their interpreters."""
        self._environment = os.environ if environment is None else environment

    def recipe(self, target: ImageTarget) -> str:
        """Return what is packed from this machine, as text, without its versions."""
        return f"layout {_LAYOUT}: Python {target.series} for {target.kind}"

    def supply(self, target: ImageTarget, builder: Builder) -> Base:
        """Pack an interpreter of this machine, import it on the engine (some seconds), and return
        the base. Raise Unavailable if there is none that works.
        """
        require_same_machine(builder)
        programs = [_nft()] if target.kind == "lab" else []
        try:
            home = Path(self._environment.get("HOME") or "/root")
            interpreter = find(target.series, self._environment, home)
            builder.report(f"host: packing {interpreter.executable}", None)
            with tempfile.TemporaryFile() as tar:
                pack(interpreter, programs, tar, builder.interruption)
                tar.seek(0)
                builder.report("host: importing", None)
                base = builder.import_base(chunks(tar), base_key(self, target))
        except (Unusable, NoLibraries) as error:
            raise Unavailable(str(error)) from None
        return Base(id=base, interpreter=f"/usr/local/bin/python{target.series}")


def pack(
    interpreter: Interpreter, programs: list[Path], out: IO[bytes], interruption: Interruption
) -> None:
    """Write a tar archive of a root file system: the interpreter in /usr/local, and programs in
    /usr/sbin, with the libraries that they load.
    """
    series = series_of(interpreter.version)
    library = f"usr/local/lib/python{series}"
    files = {f"usr/local/bin/python{series}": interpreter.executable}
    for folder in reversed(interpreter.library):
        files |= {f"{library}/{name}": path for name, path in _tree(folder)}
    files |= {f"usr/sbin/{program.name}": program for program in programs}
    loading = [path for name, path in files.items() if name.endswith(".so")]
    libraries = loaded_by([interpreter.executable, *programs, *loading])
    files |= {f"usr/lib/{name}": path for name, path in libraries.items()}
    files |= {name: Path("/", name) for name in _FILES if Path("/", name).is_file()}
    with tarfile.open(fileobj=out, mode="w", dereference=True) as tar:
        _add_frame(tar, {parent for name in files for parent in _parents(name)})
        for name, path in interruption.watch(files.items()):
            _add_file(tar, name, path)


def _tree(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files of a standard library that images need, with their paths in it."""
    for place, folders, names in os.walk(folder):
        inside = Path(place).relative_to(folder)
        folders[:] = [name for name in folders if not _LEFT_OUT.fullmatch(name)]
        for name in names:
            path = Path(place, name)
            if path.is_file() and not _LEFT_OUT.fullmatch(name):
                yield (inside / name).as_posix(), path


def _nft() -> Path:
    """Return this machine's `nft`. Raise Unavailable if it is not installed."""
    found = shutil.which("nft") or shutil.which("nft", path=_NFT_PLACES)
    if found is None:
        raise Unavailable("nft is not installed (apt-get install nftables)")
    return Path(found)


def _parents(name: str) -> list[str]:
    """Return the folders above a path, outermost first."""
    parts = name.split("/")[:-1]
    return ["/".join(parts[: end + 1]) for end in range(len(parts))]


def _add_frame(tar: tarfile.TarFile, folders: set[str]) -> None:
    """Add the folders and links of a root file system to a tar."""
    for name in sorted(folders.union(_FOLDERS)):
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
        tar.addfile(entry)
    for name, goal in _LINKS.items():
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = tarfile.SYMTYPE, goal
        tar.addfile(entry)


def _add_file(tar: tarfile.TarFile, name: str, path: Path) -> None:
    """Add a file to a tar: owned by root and readable by all. Its time is kept for its .pyc."""
    with path.open("rb") as file:
        entry = tar.gettarinfo(arcname=name, fileobj=file)
        entry.type, entry.linkname = tarfile.REGTYPE, ""
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        entry.mode = 0o755 if entry.mode & 0o100 else 0o644
        tar.addfile(entry, file)
