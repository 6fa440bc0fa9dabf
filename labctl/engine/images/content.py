"""What labctl puts on top of a base: the build context of an image, and a hash over it."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import labctl
from labctl.engine.images import packages
from labctl.engine.images.names import Target
from labctl.shared_files import share

DOCKERFILE = "Dockerfile"
NFT_DOCKERFILE = "lab/Dockerfile.registry"
ROOT = "root"
"""The folder of the context that is copied over the base's root."""

_PACKAGE = Path(labctl.__file__).parent
_PROGRAMS = {"client": "probe", "lab": "services"}


@cache
def fingerprint(kind: str) -> str:
    """A hash of everything of ours in an image of that kind (`client` or `lab`).

    Cheap, since every `labctl run` asks for it: of third-party packages, it takes the versions.
    """
    parts = dict(_own_files(kind))
    if kind == "lab":
        installed = packages.versions(packages.closure())
        parts["packages"] = "\n".join(installed).encode()
        parts["lab.yaml"] = _lab_file()
    return digest(parts)


def digest(parts: Mapping[str, bytes]) -> str:
    """A hash of names and contents, whatever their order."""
    total = hashlib.sha256()
    for name in sorted(parts):
        for part in (name.encode(), parts[name]):
            total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()


def context(target: Target, interpreter: str) -> bytes:
    """A tar archive that the engine builds the target from; `interpreter` is a path in its base."""
    files = _own_files(target.kind)
    if target.kind == "lab":
        installed = packages.modules(packages.closure())
        files |= {f"{ROOT}/labctl/lib/{path}": data for path, data in installed.items()}
    return archive(files, links={f"{ROOT}/labctl/python": interpreter})


def nft_context() -> bytes:
    """A tar archive that the engine builds a base with nft from, where a registry gave the base."""
    return archive({DOCKERFILE: (_folder() / NFT_DOCKERFILE).read_bytes()})


def archive(files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> bytes:
    """A tar archive of these files and symbolic links, the same each time."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path in sorted(_folders(files)):
            tar.addfile(_entry(path, tarfile.DIRTYPE, mode=0o755))
        for path, data in sorted(files.items()):
            tar.addfile(_entry(path, tarfile.REGTYPE, size=len(data)), io.BytesIO(data))
        for path, goal in sorted((links or {}).items()):
            tar.addfile(_entry(path, tarfile.SYMTYPE, linkname=goal))
    return buffer.getvalue()


def zone() -> str:
    """The names of compose/lab.yaml as the dns service wants them: `alias=address ...`."""
    import yaml  # noqa: PLC0415 only a build needs it

    services = (yaml.safe_load(_lab_file()) or {}).get("services") or {}
    return " ".join(pair for service in services.values() for pair in _pairs(service))


def _pairs(service: Mapping[str, Any]) -> list[str]:
    networks = service.get("networks")
    lab = networks.get("lab") if isinstance(networks, dict) else None
    address = (lab or {}).get("ipv4_address")
    return [f"{alias}={address}" for alias in (lab or {}).get("aliases", ()) if address]


def _own_files(kind: str) -> dict[str, bytes]:
    """The files of the context that are labctl's own, by their paths in it."""
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


def _folder() -> Path:
    return share("compose") / "images"


def _lab_file() -> bytes:
    file = share("compose") / "lab.yaml"
    return file.read_bytes() if file.is_file() else b""


def _folders(files: Mapping[str, bytes]) -> set[str]:
    parents = {str(parent) for path in files for parent in PurePosixPath(path).parents}
    return parents - {"."}


def _entry(path: str, kind: bytes, *, mode: int = 0o644, size: int = 0, linkname: str = "") -> Any:
    entry = tarfile.TarInfo(path)
    entry.type, entry.mode, entry.size, entry.linkname = kind, mode, size, linkname
    return entry
