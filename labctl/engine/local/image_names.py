"""The names of images that users load, as Docker reads and shortens them. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_HOST = r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?::\d+)?"
_NAME = re.compile(
    rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][\w.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?",
    re.ASCII,
)
_LONGEST = 250
_LATEST = "latest"
_LIBRARY = "library/"


def is_name(text: str) -> bool:
    """Tell whether an image can be called so."""
    return len(text) <= _LONGEST and _NAME.fullmatch(text) is not None


def with_tag(name: str) -> str:
    """Return a name with its tag: `nginx:latest` for `nginx`."""
    is_whole = "@" in name or ":" in name.rpartition("/")[2]
    return name if is_whole else f"{name}:{_LATEST}"


def has_host(name: str) -> bool:
    """Tell whether a name begins with the host of a registry, as Docker does."""
    first, slash, _ = name.partition("/")
    return bool(slash) and ("." in first or ":" in first or first == "localhost")


def known_as(name: str) -> Iterator[str]:
    """Yield all that an image of this name is known as: the name, with its tag, and without the
    host of its registry and the `library/` that it has there.
    """
    full = with_tag(name)
    yield full
    if has_host(full):
        full = full.partition("/")[2]
        yield full
    if full.startswith(_LIBRARY):
        yield full.removeprefix(_LIBRARY)


def is_meant(name: str, full: str) -> bool:
    """Tell whether whoever says `name` may mean the image whose name is `full`. A host that is said
    is meant.
    """
    said = [with_tag(name)] if has_host(name) else [*known_as(name)]
    return not {*said}.isdisjoint(known_as(full))


def how_to_load(name: str) -> str:
    """Return what to do if the local engine lacks an image of this name."""
    repository = name.partition("@")[0].rpartition("/")[2].partition(":")[0]
    file = shlex.quote(f"{repository or 'image'}.tar")
    shown = shlex.quote(name)
    # Docker saves such an image by a shorter name, or by none.
    given = f" --as {shown}" if has_host(name) or "@" in name else ""
    return (
        f"docker save {shown} -o {file}, then labctl images load {file}{given};"
        " or use Docker: --engine docker"
    )
