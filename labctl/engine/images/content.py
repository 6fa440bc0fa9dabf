"""What labctl puts on top of a base: the build context of an image, and a hash over it."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import labctl
from labctl.engine.images import libraries, packages
from labctl.engine.images.hosts import HOSTS
from labctl.engine.images.names import ImageTarget
from labctl.load.bundled import bundled_folder

if TYPE_CHECKING:
    from labctl.engine.images.builder import Builder

DOCKERFILE = "Dockerfile"
LIBRARIES_DOCKERFILE = "libs/Dockerfile"
NFT_DOCKERFILE = "lab/Dockerfile.registry"
ROOT = "root"
"""The folder of the context that is copied over the base's root."""

_PACKAGE = Path(labctl.__file__).parent
_PROGRAMS = {"client": "probe", "lab": "services"}


@cache
def fingerprint(kind: str) -> str:
    """Return a hash of everything of labctl's in an image of that kind (`client`, `lab` or `libs`).

    Cheap, since every `labctl run` asks for it: of third-party packages, it takes the versions, of
    certificates, what makes them.
    """
    if kind == "libs":
        return digest({file.name: file.read_bytes() for file in _libraries_sources()})
    parts = dict(_own_files(kind))
    parts["certificates"] = Path(__file__).with_name("certificates.py").read_bytes()
    if kind == "lab":
        parts["hosts"] = " ".join(HOSTS).encode()
        installed = packages.versions(packages.closure())
        parts["packages"] = "\n".join(installed).encode()
    return digest(parts)


def digest(parts: Mapping[str, bytes]) -> str:
    """Return a hash of names and contents, whatever their order."""
    total = hashlib.sha256()
    for name in sorted(parts):
        for part in (name.encode(), parts[name]):
            total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()


def context(target: ImageTarget, interpreter: str) -> bytes:
    """Return a tar archive that the engine builds the target from. `interpreter` is a path in its
    base.
    """
    files = _own_files(target.kind) | _certificates(target.kind)
    if target.kind == "lab":
        installed = packages.modules(packages.closure())
        files |= {f"{ROOT}/labctl/lib/{path}": data for path, data in installed.items()}
    return archive(files, links={f"{ROOT}/labctl/python": interpreter})


def libraries_context(target: ImageTarget, builder: Builder) -> bytes:
    """Return a tar archive that the engine builds a client image with libraries from."""
    found = libraries.fetch(target.series, builder)
    files = {f"{ROOT}/{libraries.FOLDER}/{path}": data for path, data in found.items()}
    return archive({DOCKERFILE: (_folder() / LIBRARIES_DOCKERFILE).read_bytes(), **files})


def nft_context() -> bytes:
    """Return a tar archive that adds nft to a base that came from a registry."""
    return archive({DOCKERFILE: _nft_dockerfile()})


def nft_fingerprint() -> str:
    """Return a hash of what adds nft to a base that came from a registry."""
    return digest({DOCKERFILE: _nft_dockerfile()})


def archive(files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> bytes:
    """Return a tar archive of these files and symbolic links, the same bytes each time."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path in sorted(_folders(files)):
            tar.addfile(_entry(path, tarfile.DIRTYPE, mode=0o755))
        for path, data in sorted(files.items()):
            tar.addfile(_entry(path, tarfile.REGTYPE, size=len(data)), io.BytesIO(data))
        for path, goal in sorted((links or {}).items()):
            tar.addfile(_entry(path, tarfile.SYMTYPE, linkname=goal))
    return buffer.getvalue()


def _certificates(kind: str) -> dict[str, bytes]:
    """Make the certificates that servers show, or clients trust, and return them as files. Only a
    build imports the library for it.
    """
    from labctl.engine.images import certificates  # noqa: PLC0415

    if kind == "lab":
        made = {f"certificates/{name}": pem for name, pem in certificates.servers().items()}
    else:
        made = {"revoked": certificates.revocations()}
    made["authority"] = certificates.root()
    return {f"{ROOT}/labctl/{name}.pem": pem for name, pem in made.items()}


def _own_files(kind: str) -> dict[str, bytes]:
    """Read labctl's own files for the context, and return them by their paths in it."""
    folder, program = _folder(), _PROGRAMS[kind]
    found = {
        DOCKERFILE: folder / kind / "Dockerfile",
        f"{ROOT}/labctl/prepare.py": folder / "prepare.py",
        **{f"{ROOT}/etc/{file.name}": file for file in (folder / "etc").iterdir()},
    }
    root = _PACKAGE / program
    for file in root.rglob("*.py"):
        found[f"{ROOT}/labctl/{program}/{file.relative_to(root).as_posix()}"] = file
    return {path: file.read_bytes() for path, file in found.items()}


def _nft_dockerfile() -> bytes:
    """Read the Dockerfile that adds nft, and return it."""
    return (_folder() / NFT_DOCKERFILE).read_bytes()


def _libraries_sources() -> tuple[Path, ...]:
    """Return the files that decide what is in a client image with libraries."""
    return (
        _folder() / LIBRARIES_DOCKERFILE,
        libraries.pins_file(),
        _PACKAGE / "engine" / "images" / "libraries.py",
    )


def _folder() -> Path:
    """Return labctl's folder of files for images."""
    return bundled_folder("compose") / "images"


def _folders(files: Mapping[str, bytes]) -> set[str]:
    """Return the folders that files are in, by their paths."""
    parents = {str(parent) for path in files for parent in PurePosixPath(path).parents}
    return parents - {"."}


def _entry(path: str, kind: bytes, *, mode: int = 0o644, size: int = 0, linkname: str = "") -> Any:
    """Return a tar entry without data."""
    entry = tarfile.TarInfo(path)
    entry.type, entry.mode, entry.size, entry.linkname = kind, mode, size, linkname
    return entry
