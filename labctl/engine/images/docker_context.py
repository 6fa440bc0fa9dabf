"""A layer as Docker takes it: a tar archive with a Dockerfile, and the files beside it."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from labctl.engine.images.layers import Layer, Recipe

_FILE = "Dockerfile"
_ROOT = "root"
"""The folder of the context that is copied over the base's root."""
_ROOT_USER = "0:0"
_SPECIAL = re.compile(r'["\\$]')
"""What means something between the double quotes of a Dockerfile."""


def build_context(layer: Layer, base: str) -> bytes:
    """Return a tar archive that Docker's builder puts the layer on the base from, the same bytes
    each time.
    """
    files = {f"{_ROOT}/{path}": data for path, data in layer.files.items()}
    links = {f"{_ROOT}/{path}": goal for path, goal in layer.links.items()}
    text = "".join(f"{line}\n" for line in _lines(layer, base))
    return archive({_FILE: text.encode(), **files}, links)


def archive(files: Mapping[str, bytes], links: Mapping[str, str]) -> bytes:
    """Return a tar archive of these files and symbolic links, the same bytes each time."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path in sorted(_folders([*files, *links])):
            tar.addfile(_entry(path, tarfile.DIRTYPE, mode=0o755))
        for path, data in sorted(files.items()):
            tar.addfile(_entry(path, tarfile.REGTYPE, size=len(data)), io.BytesIO(data))
        for path, goal in sorted(links.items()):
            tar.addfile(_entry(path, tarfile.SYMTYPE, linkname=goal))
    return buffer.getvalue()


def _lines(layer: Layer, base: str) -> Iterator[str]:
    """Yield the lines of the Dockerfile that puts a layer on a base."""
    recipe = layer.recipe
    yield f"FROM {base}"
    if layer.labels:
        # First, so that every step carries them: what a killed build leaves is found by its label.
        yield f"LABEL {_pairs(layer.labels)}"
    if recipe.user:
        # A recipe without a user keeps the base's, and then that is root already.
        yield f"USER {_ROOT_USER}"
    if layer.files or layer.links:
        yield f"COPY {_ROOT}/ /"
    for command in recipe.commands:
        yield f"RUN {json.dumps(command)}"
    yield from _settings(recipe)


def _settings(recipe: Recipe) -> Iterator[str]:
    """Yield the lines that say how programs of the image run."""
    if recipe.environment:
        yield f"ENV {_pairs(recipe.environment)}"
    if recipe.user:
        yield f"USER {recipe.user}"
    if recipe.working_dir:
        yield f"WORKDIR {recipe.working_dir}"
    if recipe.entrypoint:
        yield f"ENTRYPOINT {json.dumps(recipe.entrypoint)}"


def _pairs(values: Mapping[str, str]) -> str:
    """Return names and values as LABEL and ENV take them, in quotes."""
    return " ".join(f"{name}={_quoted(value)}" for name, value in sorted(values.items()))


def _quoted(value: str) -> str:
    """Return a value in double quotes. A Dockerfile has no way to write one of several lines."""
    if "\n" in value or "\r" in value:
        raise ValueError(f"a value of several lines: {value!r}")
    return '"' + _SPECIAL.sub(r"\\\g<0>", value) + '"'


def _folders(paths: Iterable[str]) -> set[str]:
    """Return the folders that files are in, by their paths."""
    parents = {str(parent) for path in paths for parent in PurePosixPath(path).parents}
    return parents - {"."}


def _entry(
    path: str, kind: bytes, *, mode: int = 0o644, size: int = 0, linkname: str = ""
) -> tarfile.TarInfo:
    """Return a tar entry without data."""
    entry = tarfile.TarInfo(path)
    entry.type, entry.mode, entry.size, entry.linkname = kind, mode, size, linkname
    return entry
