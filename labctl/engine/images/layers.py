"""What labctl puts on a base: files, labels, and a recipe for the rest. No engine is known here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from labctl.engine.containers import CLIENT_USER
from labctl.engine.images.names import EVENTS, ImageKind

_HOME = "/tmp"  # noqa: S108 of the container, where each has its own
_PYTHON = ("/labctl/python", "-I", "-S", "-B")
_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"

_IMPORT_ALL = (
    "import sys, pkgutil, importlib; sys.path.append('/labctl/libs'); "
    "[importlib.import_module(one.name) for one in pkgutil.iter_modules(['/labctl/libs'])]"
)
_INSTALL_NFT = (
    "apt-get update && apt-get install -y --no-install-recommends nftables "
    "&& rm -rf /var/lib/apt/lists/*"
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is done once the files of a layer are there, and how programs of the image run."""

    commands: tuple[tuple[str, ...], ...] = ()
    """Each is run in the image as root (0:0), in this order, with the base's environment. Each
    must succeed.
    """
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the base's."""
    user: str = ""
    """Empty: the base's. So with `working_dir` and `entrypoint`."""
    working_dir: str = ""
    entrypoint: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    has_network: bool = False
    """Whether the commands have the engine's usual network. If not, they have none."""

    @property
    def fingerprint(self) -> bytes:
        """Bytes that are the same for the same recipe, for the hash of an image's content."""
        return json.dumps(asdict(self), sort_keys=True).encode()


@dataclass(frozen=True, kw_only=True)
class Layer:
    """What is put on a base to make an image of it."""

    files: Mapping[str, bytes]
    """By their paths below the root, without a leading slash. They and their folders belong to
    root, and all can read them (0644, and 0755 for folders).
    """
    links: Mapping[str, str]
    """Symbolic links: what they point to, by their paths below the root."""
    labels: Mapping[str, str]
    """All labels of the image, those of the recipe among them."""
    recipe: Recipe


RECIPES: Mapping[ImageKind, Recipe] = {
    # What a client attempt runs in: a base with one CPython, and the probe.
    "client": Recipe(
        commands=((*_PYTHON, "/labctl/prepare.py"),),
        environment={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": _HOME, "LANG": "C.UTF-8"},
        user=CLIENT_USER,
        working_dir=_HOME,
        entrypoint=(*_PYTHON, "/labctl/probe/__main__.py"),
    ),
    # What services and taps run in: a base with CPython and nft, the services, and the pure-Python
    # packages that they import.
    "lab": Recipe(
        commands=((*_PYTHON, "/labctl/prepare.py"),),
        environment={
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": _HOME,
            "LANG": "C.UTF-8",
            "PYTHONPATH": "/labctl/lib:/labctl",
        },
        working_dir="/",
        entrypoint=("/labctl/python", "-B", "-m", "services"),
        labels={EVENTS: "1"},
    ),
    # What an attempt with `requires` runs in: a client image, and the packages of pins.txt.
    "libs": Recipe(
        commands=(
            # The root is read-only when the image is used, so no bytecode is written then.
            (*_PYTHON, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash",
             "/labctl/libs"),
            # Every package must load. Parts in C that have a substitute in Python are not tried.
            (*_PYTHON, "-c", _IMPORT_ALL),
        ),
        # These bring a bundle of their own; here they trust what the rest of the image trusts.
        environment={"REQUESTS_CA_BUNDLE": _BUNDLE, "SSL_CERT_FILE": _BUNDLE},
        user=CLIENT_USER,
    ),
}  # fmt: skip
"""What is done for an image of each kind."""

NFT = Recipe(commands=(("/bin/sh", "-c", _INSTALL_NFT),), has_network=True)
"""Adds nft to a base that came from a registry; the other bases bring it along."""
