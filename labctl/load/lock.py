"""`labctl.lock`: read, written, and compared with what there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml
from pydantic import ValidationError

from labctl.errors import EngineError, InputError
from labctl.load.problems import input_errors, raise_all
from labctl.load.yaml_reader import read_yaml
from labctl.model.lock import Lock, LockedImage
from labctl.model.result import ImageInfo

_HEAD = """\
# What `labctl run --locked` may use, and nothing else. Made by `labctl lock`.
"""


def read_lock(path: Path) -> Lock:
    """Read the lock in a file. Raise InputError, or ManyInputErrors, if it has mistakes."""
    if not path.exists():
        raise InputError(f"there is no {path}", hint="`labctl lock` writes one")
    document = read_yaml(path)
    try:
        return Lock.model_validate(document.data)
    except ValidationError as error:
        raise_all(input_errors(error, Lock, document))
        raise


def lock_of(images: Mapping[str, ImageInfo], labctl: str, *, engine: str) -> Lock:
    """Return the lock that admits just these images on this engine."""
    return Lock(
        labctl=labctl,
        engine=engine,
        images={
            name: LockedImage(id=one.id, python=one.python, packages=dict(one.packages))
            for name, one in sorted(images.items())
        },
    )


def lock_text(lock: Lock) -> str:
    """Return the text of a lock file."""
    data = lock.model_dump(exclude_defaults=True)
    return _HEAD + yaml.safe_dump(data, sort_keys=False, width=100)


def check_engine(lock: Lock, engine: str) -> None:
    """Raise EngineError if the lock is for another engine: each has images of its own."""
    if lock.engine not in ("", engine):
        raise EngineError(
            f"the lock is for the {lock.engine} engine, and this is the {engine} engine: they have "
            "different images",
            hint=f"give --engine {lock.engine}, or make a new lock with `labctl lock`",
        )


def check_lock(
    lock: Lock, images: Mapping[str, ImageInfo], needed: Sequence[str], labctl: str
) -> None:
    """Raise EngineError, with all that differs, if the needed images are not those of the lock."""
    found = list(_differences(lock, images, needed, labctl))
    if found:
        raise EngineError(
            "\n  ".join(["this is not what the lock says:", *found]),
            hint="take the images that the lock was made with (docker save, docker load), or make"
            " a new one with `labctl lock`",
        )


def _differences(
    lock: Lock, images: Mapping[str, ImageInfo], wanted: Sequence[str], labctl: str
) -> Iterator[str]:
    """Yield, as clauses, what of labctl and the images differs from a lock."""
    if lock.labctl != labctl:
        yield f"labctl is {labctl}, and not {lock.labctl}"
    for name in wanted:
        locked, found = lock.images.get(name), images.get(name)
        if locked is None:
            yield f"{name} is not in the lock"
        elif found is None:
            yield f"{name} is not there"
        elif found.id != locked.id:
            yield f"{name} is {_short(found.id)}, and not {_short(locked.id)}"
            yield from _versions(name, found, locked)


def _versions(name: str, found: ImageInfo, locked: LockedImage) -> Iterator[str]:
    """Yield, as clauses, the versions in an image that differ from a lock."""
    if found.python != locked.python:
        yield f"{name} has Python {found.python}, and not {locked.python}"
    for package in sorted({*found.packages, *locked.packages}):
        has, should = found.packages.get(package), locked.packages.get(package)
        if has != should:
            yield f"{name} has {package} {has or 'not at all'}, and not {should or 'at all'}"


def _short(digest: str) -> str:
    """Return the first digits of a digest."""
    return digest.removeprefix("sha256:")[:12]
