"""Bases that are pulled: the official `python:<series>-slim` images, or a mirror's."""

from __future__ import annotations

import os
import re
import threading
from http import HTTPStatus

from labctl.engine.images.backend import ImageBackend, Unwritable
from labctl.engine.images.builder import Builder
from labctl.engine.images.content import nft_fingerprint, nft_layer
from labctl.engine.images.names import WITHOUT_NFT, ImageTarget
from labctl.engine.images.origins import Base, Unavailable, recipe_key
from labctl.errors import EngineError, UsageError
from labctl.pythons import SERIES

MIRROR_VARIABLE = "LABCTL_REGISTRY"
_ANSWER_S = 5
_MIRROR = re.compile(r"[A-Za-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)*")
_ABOUT_THIS_IMAGE = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
"""What an engine answers where the registry did answer, and has no such image for us."""


class Registry:
    """The origin `registry`. One that doesn't answer is asked once only."""

    name = "registry"

    def __init__(self, mirror: str = "") -> None:
        """Take what images are called by at a mirror, such as `registry.example.com/hub`. Nothing
        has been asked yet.
        """
        self._prefix = f"{mirror}/" if mirror else ""
        self._asking = threading.Lock()
        self._silence = ""
        self._fetching = {series: threading.Lock() for series in SERIES}

    def recipe(self, target: ImageTarget) -> str:
        """Return the official name of the image that is pulled: at a mirror, it is the same one.
        For the lab, return also a hash of what adds nft to it.
        """
        image = _image(target)
        return f"{image}, with nft by {nft_fingerprint()}" if target.kind == "lab" else image

    def supply(self, target: ImageTarget, builder: Builder) -> Base:
        """Pull the image, unless the engine has it, make a base with its files, and return the
        base. Raise Unavailable if the registry does not answer.
        """
        base = self.plain(target, builder)
        if target.kind == "lab":
            builder.report("registry: adding nftables", None)
            image = builder.build(nft_layer(), base=base.id)
            return Base(id=image, interpreter=base.interpreter)
        return base

    def plain(self, target: ImageTarget, builder: Builder) -> Base:
        """Pull the image, unless the engine has it, and return a base with its files and nothing
        else, the same for the lab and for clients. Raise Unavailable if the registry does not
        answer.
        """
        image = self._prefix + _image(target)
        key = recipe_key(self.name, _image(target))
        with self._fetching[target.series]:
            base = builder.find_base(key) or self._files(image, key, builder)
        return Base(id=base, interpreter=f"/usr/local/bin/python{target.series}")

    def _files(self, image: str, key: str, builder: Builder) -> str:
        """Make a base with the files of a registry's image, and return its id. `key` is its label,
        to find it by. An image that was pulled for this is removed again.
        """
        if pulled := not builder.backend.has(image):
            is_there = self._ask(builder.backend, image)
            builder.report(f"registry: fetching {image}", None)
            try:
                builder.pull(image)
            except EngineError as error:
                is_full = isinstance(error, Unwritable)
                self._silence = "" if is_there or is_full else str(error)
                raise
        try:
            builder.report(f"registry: importing {image}", None)
            return builder.flatten(image, key)
        finally:
            if pulled:
                builder.remove_image(image)

    def _ask(self, backend: ImageBackend, image: str) -> bool:
        """Ask the registry for the image, and return True if it says quickly that it has it. Return
        False where the engine can't ask: then only a pull can tell. Raise Unavailable if the
        registry doesn't have the image, or does not answer.
        """
        with self._asking:
            if self._silence:
                raise Unavailable(self._silence)
            status, said = backend.ask_registry(image, timeout_s=_ANSWER_S)
            if status in (HTTPStatus.OK, HTTPStatus.NOT_IMPLEMENTED):
                return status == HTTPStatus.OK
            if status not in _ABOUT_THIS_IMAGE:
                self._silence = said
            raise Unavailable(said)


def _image(target: ImageTarget) -> str:
    """Return the name of the registry's image for a target."""
    return f"python:{target.series}-slim"


class RegistryWithoutNft:
    """The origin `registry-without-nft`: the image of the lab as it was pulled. It is what there is
    in a network without a mirror of Debian: services with rules of nftables fail in it.
    """

    name = WITHOUT_NFT

    def __init__(self, registry: Registry) -> None:
        """Take the registry."""
        self._registry = registry

    def recipe(self, target: ImageTarget) -> str:
        """Return the official name of the image that is pulled, and that nothing is added."""
        return f"{_image(target)}, without nft"

    def supply(self, target: ImageTarget, builder: Builder) -> Base:
        """Return the registry's base for the lab. Raise Unavailable if the registry does not
        answer, and for clients, which have no nft anyway.
        """
        if target.kind != "lab":
            raise Unavailable("it is for the image of the lab only")
        return self._registry.plain(target, builder)


def mirror_of_environment() -> str:
    """Return what LABCTL_REGISTRY says that images are called by. Raise UsageError if that can't be
    a part of their names.
    """
    mirror = os.environ.get(MIRROR_VARIABLE, "").rstrip("/")
    if mirror and not _MIRROR.fullmatch(mirror):
        raise UsageError(
            f"{MIRROR_VARIABLE} is no beginning of an image's name: {mirror}",
            hint="write it without https://, such as registry.example.com/hub",
        )
    return mirror
