"""Bases that are pulled: the official `python:<series>-slim` images."""

from __future__ import annotations

import threading
from http import HTTPStatus

import docker
import requests
from docker.errors import ImageNotFound

from labctl.engine.images.builder import Builder
from labctl.engine.images.content import nft_context
from labctl.engine.images.names import Target
from labctl.engine.images.origins import Base, Unavailable, base_key
from labctl.pythons import SERIES

_ANSWER_S = 5
_ABOUT_THIS_IMAGE = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
"""What an engine answers where the registry did answer, and has no such image for us."""


class Registry:
    """The origin `registry`. One that doesn't answer is asked once only."""

    name = "registry"

    def __init__(self) -> None:
        self._asking = threading.Lock()
        self._silence = ""
        self._fetching = {series: threading.Lock() for series in SERIES}

    def recipe(self, target: Target) -> str:
        """The image that is pulled."""
        return _image(target)

    def supply(self, target: Target, builder: Builder) -> Base:
        """Pull the image, unless the engine has it, and take its files."""
        with self._fetching[target.series]:
            base = self._files(_image(target), base_key(self, target), builder)
        if target.kind == "lab":
            builder.report("registry: adding nftables", None)
            base = builder.build(nft_context(), base=base, network="default")
        return Base(id=base, interpreter=f"/usr/local/bin/python{target.series}")

    def _files(self, image: str, key: str, builder: Builder) -> str:
        """A base with the image's files. An image that was pulled for it is removed again."""
        if base := builder.find_base(key):
            return base
        if pulled := not _is_there(builder.client, image):
            self._ask(builder.client, image)
            builder.report(f"registry: fetching {image}", None)
            builder.pull(image)
        try:
            builder.report(f"registry: importing {image}", None)
            return builder.flatten(image, key)
        finally:
            if pulled:
                builder.remove_image(image)

    def _ask(self, client: docker.APIClient, image: str) -> None:
        """Raise Unavailable unless the registry is quick to say that it has the image."""
        with self._asking:
            if self._silence:
                raise Unavailable(self._silence)
            status, said = _distribution(client, image)
            if status == HTTPStatus.OK:
                return
            if status not in _ABOUT_THIS_IMAGE:
                self._silence = said
            raise Unavailable(said)


def _image(target: Target) -> str:
    return f"python:{target.series}-slim"


def _is_there(client: docker.APIClient, image: str) -> bool:
    try:
        client.inspect_image(image)  # type: ignore[no-untyped-call]
    except ImageNotFound:
        return False
    return True


def _distribution(client: docker.APIClient, image: str) -> tuple[int, str]:
    """What the engine hears from the registry: an HTTP status (0: nothing in time), and a reason.

    The SDK's inspect_distribution has no time limit of its own.
    """
    url = f"{client.base_url}/v{client.api_version}/distribution/{image}/json"
    try:
        answer = client.get(url, timeout=_ANSWER_S)
    except requests.RequestException:
        return 0, f"no answer about {image} within {_ANSWER_S} s"
    if answer.status_code == HTTPStatus.OK:
        return HTTPStatus.OK, ""
    reason = answer.json().get("message", answer.reason)
    return answer.status_code, f"no answer about {image}: {reason}"
