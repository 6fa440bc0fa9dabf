"""What labctl puts on top of a base, as a layer, and a hash over it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import labctl
from labctl.engine.images import libraries, packages
from labctl.engine.images.hosts import HOSTS
from labctl.engine.images.layers import NFT, RECIPES, Layer, Recipe
from labctl.engine.images.names import IMAGE, ImageKind, ImageTarget
from labctl.load.bundled import bundled_folder

if TYPE_CHECKING:
    from labctl.engine.images.builder import Builder

_PACKAGE = Path(labctl.__file__).parent
_PROGRAMS = {"client": "probe", "lab": "services"}


@cache
def fingerprint(kind: ImageKind) -> str:
    """Return a hash of everything of labctl's in an image of that kind.

    Cheap, since every `labctl run` asks for it: of third-party packages, it takes the versions, of
    certificates, what makes them.
    """
    recipe = {"recipe": RECIPES[kind].fingerprint}
    if kind == "libs":
        return digest(recipe | {file.name: file.read_bytes() for file in _libraries_sources()})
    parts = recipe | _own_files(kind)
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


def layer(target: ImageTarget, interpreter: str, labels: Mapping[str, str]) -> Layer:
    """Return what makes the target of its base. `interpreter` is a path in the base, and `labels`
    are those that say what the image is.
    """
    files = _own_files(target.kind) | _certificates(target.kind)
    if target.kind == "lab":
        installed = packages.modules(packages.closure())
        files |= {f"labctl/lib/{path}": data for path, data in installed.items()}
    links = {"labctl/python": interpreter}
    return _layer(RECIPES[target.kind], labels, files=files, links=links)


def libraries_layer(target: ImageTarget, builder: Builder, labels: Mapping[str, str]) -> Layer:
    """Run pip to fetch the packages of a client image with libraries (some seconds), and return
    what makes it of its parent.
    """
    found = libraries.fetch(target.series, builder)
    files = {f"{libraries.FOLDER}/{path}": data for path, data in found.items()}
    return _layer(RECIPES[target.kind], labels, files=files)


def nft_layer() -> Layer:
    """Return what adds nft to a base that came from a registry."""
    return _layer(NFT, {IMAGE: "base"})


def nft_fingerprint() -> str:
    """Return a hash of what adds nft to a base that came from a registry."""
    return digest({"recipe": NFT.fingerprint})


def _layer(
    recipe: Recipe,
    labels: Mapping[str, str],
    *,
    files: Mapping[str, bytes] | None = None,
    links: Mapping[str, str] | None = None,
) -> Layer:
    """Return a layer that has the labels of its recipe, too."""
    told = {**labels, **recipe.labels}
    return Layer(files=files or {}, links=links or {}, labels=told, recipe=recipe)


def _certificates(kind: ImageKind) -> dict[str, bytes]:
    """Make the certificates that servers show, or clients trust, and return them as files. Only a
    build imports the library for it.
    """
    from labctl.engine.images import certificates  # noqa: PLC0415

    if kind == "lab":
        made = {f"certificates/{name}": pem for name, pem in certificates.servers().items()}
    else:
        made = {"revoked": certificates.revocations()}
    made["authority"] = certificates.root()
    return {f"labctl/{name}.pem": pem for name, pem in made.items()}


def _own_files(kind: ImageKind) -> dict[str, bytes]:
    """Read labctl's own files for the image, and return them by their paths in it."""
    folder, program = _folder(), _PROGRAMS[kind]
    found = {
        "labctl/prepare.py": folder / "prepare.py",
        **{f"etc/{file.name}": file for file in (folder / "etc").iterdir()},
    }
    root = _PACKAGE / program
    for file in root.rglob("*.py"):
        found[f"labctl/{program}/{file.relative_to(root).as_posix()}"] = file
    return {path: file.read_bytes() for path, file in found.items()}


def _libraries_sources() -> tuple[Path, ...]:
    """Return the files that decide what is in a client image with libraries."""
    return libraries.pins_file(), _PACKAGE / "engine" / "images" / "libraries.py"


def _folder() -> Path:
    """Return labctl's folder of files for images."""
    return bundled_folder("compose") / "images"
