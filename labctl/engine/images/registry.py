"""Bases that are pulled: the official `python:<series>-slim` images."""

from __future__ import annotations

import threading
from http import HTTPStatus

from labctl.engine.images.backend import ImageBackend
from labctl.engine.images.builder import Builder
from labctl.engine.images.content import nft_context
from labctl.engine.images.names import ImageTarget
from labctl.engine.images.origins import Base, Unavailable, base_key
from labctl.pythons import SERIES

_ANSWER_S = 5
_ABOUT_THIS_IMAGE = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
"""What an engine answers where the registry did answer, and has no such image for us."""


class Registry:
    """The origin `registry`. One that doesn't answer is asked once only."""

    name = "registry"

    def __init__(self) -> None:
        """Begin without an answer of the registry."""
        self._asking = threading.Lock()
        self._silence = ""
        self._fetching = {series: threading.Lock() for series in SERIES}

    def recipe(self, target: ImageTarget) -> str:
        """Return the name of the image that is pulled."""
        return _image(target)

    def supply(self, target: ImageTarget, builder: Builder) -> Base:
        """Pull the image, unless the engine has it, make a base with its files, and return the
        base. Raise Unavailable if the registry does not answer.
        """
        with self._fetching[target.series]:
            base = self._files(_image(target), base_key(self, target), builder)
        if target.kind == "lab":
            builder.report("registry: adding nftables", None)
            base = builder.build(nft_context(), base=base, network="default")
        return Base(id=base, interpreter=f"/usr/local/bin/python{target.series}")

    def _files(self, image: str, key: str, builder: Builder) -> str:
        """Make a base with the files of a registry's image, and return its id. `key` is its label,
        to find it by. An image that was pulled for this is removed again.
        """
        if base := builder.find_base(key):
            return base
        if pulled := not builder.backend.has(image):
            self._ask(builder.backend, image)
            builder.report(f"registry: fetching {image}", None)
            builder.pull(image)
        try:
            builder.report(f"registry: importing {image}", None)
            return builder.flatten(image, key)
        finally:
            if pulled:
                builder.remove_image(image)

    def _ask(self, backend: ImageBackend, image: str) -> None:
        """Ask the registry for the image. Raise Unavailable unless it says quickly that it
        has it.
        """
        with self._asking:
            if self._silence:
                raise Unavailable(self._silence)
            status, said = backend.ask_registry(image, timeout_s=_ANSWER_S)
            if status == HTTPStatus.OK:
                return
            if status not in _ABOUT_THIS_IMAGE:
                self._silence = said
            raise Unavailable(said)


def _image(target: ImageTarget) -> str:
    """Return the name of the registry's image for a target."""
    return f"python:{target.series}-slim"
