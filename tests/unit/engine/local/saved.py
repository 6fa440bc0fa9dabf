"""Archives of images as tests make them: layers, configs, and both kinds of what lists them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from labctl.engine.images.origins import engine_architecture

Files = dict[str, bytes]
Entry = tuple[tarfile.TarInfo, bytes]
MACHINE = engine_architecture()
OTHER = "arm64" if MACHINE != "arm64" else "amd64"
REF = "org.opencontainers.image.ref.name"


def file(name: str, content: bytes = b"x", *, mode: int = 0o644) -> Entry:
    made = tarfile.TarInfo(name)
    made.size, made.mode = len(content), mode
    return made, content


def folder(name: str, mode: int = 0o755) -> Entry:
    made = tarfile.TarInfo(name)
    made.type, made.mode = tarfile.DIRTYPE, mode
    return made, b""


def link(name: str, goal: str | Path) -> Entry:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = tarfile.SYMTYPE, str(goal)
    return made, b""


def hard_link(name: str, goal: str) -> Entry:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = tarfile.LNKTYPE, goal
    return made, b""


def whiteout(name: str) -> Entry:
    return file(name, b"")


def tar(*entries: Entry) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for info, content in entries:
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def config(
    layers: Sequence[bytes],
    *,
    architecture: str = MACHINE,
    system: str = "linux",
    settings: Mapping[str, Any] | None = None,
) -> bytes:
    """The config of an image with these layers."""
    return json.dumps(
        {
            "architecture": architecture,
            "os": system,
            "config": settings,
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha(one)}" for one in layers]},
        }
    ).encode()


def docker_files(
    layers: Sequence[bytes],
    about: bytes | None = None,
    names: Sequence[str] | None = ("own/web:1",),
) -> Files:
    """What `docker save` writes, up to version 24."""
    about = config(layers) if about is None else about
    stored = {f"{number}/layer.tar": layer for number, layer in enumerate(layers)}
    listed = [{"Config": f"{sha(about)}.json", "RepoTags": names, "Layers": [*stored]}]
    return {**stored, f"{sha(about)}.json": about, "manifest.json": json.dumps(listed).encode()}


class Layout:
    """An OCI layout."""

    def __init__(self) -> None:
        self.files: Files = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}

    def add(self, data: bytes, **more: Any) -> dict[str, Any]:
        """Add a blob, and return what describes it."""
        self.files[f"blobs/sha256/{sha(data)}"] = data
        return {"digest": f"sha256:{sha(data)}", "size": len(data), **more}

    def image(
        self,
        layers: Sequence[bytes],
        about: bytes | None = None,
        *,
        packed: bool = True,
        **more: Any,
    ) -> dict[str, Any]:
        """Add an image, and return what describes it."""
        stored = [self.add(gzip.compress(one) if packed else one) for one in layers]
        about = config(layers) if about is None else about
        return self.node({"config": self.add(about), "layers": stored}, **more)

    def node(self, content: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """Add a manifest or an index, and return what describes it."""
        return self.add(json.dumps(content).encode(), **more)

    def index(self, *manifests: Mapping[str, Any]) -> Files:
        """Name what the layout has, and return its files."""
        self.files["index.json"] = json.dumps({"manifests": manifests}).encode()
        return self.files


def named(name: str) -> dict[str, Any]:
    """What gives an image of a layout a name."""
    return {"annotations": {REF: name}}


def platform(architecture: str, system: str = "linux") -> dict[str, Any]:
    """What says that an image of a layout is for these machines."""
    return {"platform": {"architecture": architecture, "os": system}}


def write_folder(place: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)
    return place


def write_tar(place: Path, files: Mapping[str, bytes], *more: Entry) -> Path:
    place.write_bytes(tar(*(file(name, data) for name, data in files.items()), *more))
    return place


def write_gzip(place: Path, files: Mapping[str, bytes], *more: Entry) -> Path:
    place.write_bytes(gzip.compress(write_tar(place, files, *more).read_bytes()))
    return place
