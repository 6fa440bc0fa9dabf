"""What is in an archive of images, as `docker save`, `podman save` and `skopeo copy` write them.

There are two kinds: `manifest.json` lists images with their files, or `index.json` begins an OCI
layout (github.com/opencontainers/image-spec, image-layout.md), where all is found by its digest.
Newer Dockers write both; then `manifest.json` is read, which has the names.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pydantic import TypeAdapter

from labctl.engine.local.archive_files import ArchiveFiles, pieces
from labctl.engine.local.manifests import (
    HOW_TO_SAVE,
    Descriptor,
    Entry,
    ImageConfig,
    Node,
    parsed,
)
from labctl.engine.runtime import Refusal

_LIST, _INDEX = "manifest.json", "index.json"
_IN_NAME = re.compile(r"(?:.*/)?blobs/sha256/([0-9a-f]{64})|([0-9a-f]{64})\.json")
_LARGEST = 16 << 20
_DEEPEST = 4
_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class SavedLayer:
    """A layer: its file, the digest of that if it is known, and the one of what is in it."""

    file: str
    digest: str
    content: str


@dataclass(frozen=True, kw_only=True)
class SavedImage:
    """An image that was saved, with its layers from the lowest. `id` is the digest of its config,
    as Docker has it.
    """

    id: str
    names: tuple[str, ...]
    config: ImageConfig
    layers: tuple[SavedLayer, ...]


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    """An image for one platform (`linux/amd64`), which is yet to be read. Those of one `group` are
    the same image for several platforms.
    """

    group: tuple[str, ...]
    platform: str
    read: Callable[[], SavedImage]


def saved_images(files: ArchiveFiles, *, architecture: str) -> list[SavedImage]:
    """Return the images in an archive; of one for several platforms, that of this architecture.
    Raise Refusal if there is none, or something is not as its digest says.
    """
    entries = _read(files, _LIST)
    if entries is not None and entries.lstrip().startswith(b"["):
        listed = parsed(TypeAdapter(tuple[Entry, ...]), entries, _LIST)
        found = [_listed(files, entry) for entry in listed]
    else:
        index = _read(files, _INDEX)
        if index is None:
            raise Refusal(
                f"there is no image in it: no list {_LIST}, no {_INDEX}", hint=HOW_TO_SAVE
            )
        top = parsed(TypeAdapter(Node), index, _INDEX)
        found = [*_in_index(files, top.manifests or (), (), depth=0)]
    if not found:
        raise Refusal("there is no image in it", hint=HOW_TO_SAVE)
    groups: dict[tuple[str, ...], list[_Candidate]] = {}
    for one in found:
        groups.setdefault(one.group, []).append(one)
    return [_fitting(group, f"linux/{architecture}") for group in groups.values()]


def layer_pieces(files: ArchiveFiles, layer: SavedLayer) -> Iterator[bytes]:
    """Yield the tar archive of a layer, uncompressed, in pieces. Raise Refusal if its file is
    missing, or is not as its digest says.
    """
    file = files.open(layer.file)
    if file is None:
        raise Refusal(f"{layer.file} is missing")
    with file:
        if layer.digest:
            found = hashlib.sha256()
            while piece := file.read(_CHUNK):
                found.update(piece)
            require_digest(layer.file, found.hexdigest(), layer.digest)
            file.seek(0)
        yield from pieces(file)


def require_digest(what: str, found: str, expected: str) -> None:
    """Raise Refusal if a digest differs from what it should be."""
    if found != expected:
        raise Refusal(
            f"{what} is damaged: its digest is {found[:12]}..., and should be {expected[:12]}...",
            hint="save or copy it again",
        )


def _fitting(group: list[_Candidate], platform: str) -> SavedImage:
    """Return the image for a platform. Raise Refusal if there is none."""
    for one in group:
        if _fits(one.platform, platform):
            image = one.read()
            if _fits(str(image.config), platform):
                return image
    others = ", ".join(dict.fromkeys(one.platform for one in group))
    raise Refusal(
        f"it is for {others}, and this machine is {platform}",
        hint=f"save it for this machine, after: docker pull --platform {platform} NAME",
    )


def _fits(offered: str, wanted: str) -> bool:
    """Tell whether an image for a platform fits a machine; what it does not say fits."""
    pairs = zip(offered.split("/"), wanted.split("/"), strict=False)
    return all(one in ("", other) for one, other in pairs)


def _listed(files: ArchiveFiles, entry: Entry) -> _Candidate:
    """Return an image of manifest.json."""
    layers = [(file, _digest_in(file)) for file in entry.layers]
    image = _image(files, entry.names or (), entry.config, _digest_in(entry.config), layers)
    group = image.names or (entry.config,)
    return _Candidate(group=group, platform=str(image.config), read=lambda: image)


def _in_index(
    files: ArchiveFiles, listed: tuple[Descriptor, ...], names: tuple[str, ...], *, depth: int
) -> Iterator[_Candidate]:
    """Yield the images of an index, and of those in it. `names` are those of what lists it."""
    if depth > _DEEPEST:
        raise Refusal("its indexes are in one another without end")
    for one in listed:
        called = names or one.names
        # Those of other platforms may have been left out.
        data = _read(files, one.file, one.hex)
        node = Node() if data is None else parsed(TypeAdapter(Node), data, one.file)
        if node.manifests is not None:
            yield from _in_index(files, node.manifests, called, depth=depth + 1)
        else:
            yield _in_layout(files, one, node, called)


def _in_layout(
    files: ArchiveFiles, one: Descriptor, node: Node, names: tuple[str, ...]
) -> _Candidate:
    """Return the image of a manifest in an OCI layout."""

    def read() -> SavedImage:
        if node.config is None:
            raise Refusal(f"{one.file} is missing, or is no manifest of an image")
        layers = [(layer.file, layer.hex) for layer in node.layers]
        return _image(files, names, node.config.file, node.config.hex, layers)

    platform = str(one.platform or read().config)
    return _Candidate(group=names, platform=platform, read=read)


def _image(
    files: ArchiveFiles, names: tuple[str, ...], config: str, digest: str,
    layers: list[tuple[str, str]],
) -> SavedImage:  # fmt: skip
    """Return an image with this config and these layers, each with its digest if it is known."""
    data = _read(files, config, digest)
    if data is None:
        raise Refusal(f"{config} is missing")
    told = parsed(TypeAdapter(ImageConfig), data, config)
    contents = told.rootfs.diff_ids
    if len(contents) != len(layers):
        raise Refusal(f"it has {len(layers)} layers, and {config} names {len(contents)}")
    return SavedImage(
        id=hashlib.sha256(data).hexdigest(),
        names=names,
        config=told,
        layers=tuple(
            SavedLayer(file=file, digest=known, content=content.partition(":")[2])
            for (file, known), content in zip(layers, contents, strict=True)
        ),
    )


def _read(files: ArchiveFiles, name: str, digest: str = "") -> bytes | None:
    """Return the content of a small file; None if there is none. Raise Refusal if it is large, or
    not as its digest says.
    """
    file = files.open(name)
    if file is None:
        return None
    with file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise Refusal(f"{name} is larger than {_LARGEST >> 20} MiB")
    if digest:
        require_digest(name, hashlib.sha256(data).hexdigest(), digest)
    return data


def _digest_in(file: str) -> str:
    """Return the digest that a file's name says; "" if it says none."""
    match = _IN_NAME.fullmatch(file)
    return match[1] or match[2] if match else ""
