"""An ImageBackend that stores images on an engine with Docker's HTTP API."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import docker
import requests
from docker import auth
from docker.errors import APIError, DockerException, ImageNotFound
from docker.types import HostConfig, LogConfig

from labctl.engine import cleanup
from labctl.engine.docker.connect import sdk_errors
from labctl.engine.docker.dialect import DOCKER, Dialect
from labctl.engine.docker.runtime import DockerRuntime
from labctl.engine.images.backend import BuildEvent, ImageInUse, MixedOutput, StoredImage
from labctl.engine.images.docker_context import build_context
from labctl.engine.images.layers import Layer
from labctl.engine.labels import Labels
from labctl.engine.runtime import ResourceKind
from labctl.errors import EngineError

_CHUNK = 1024 * 1024
_CANNOT_ASK = "is not supported"
"""What Podman 4 says of the question what a registry has."""
_NO_NAME = "<none>:<none>"
"""What older engines call an image without a name."""
_STEP = re.compile(r"Step (\d+)/(\d+) ")
_MADE = re.compile(r" ---> ([0-9a-f]{12})\n")
_RUNNING = re.compile(r" ---> Running in ([0-9a-f]{12})\n")


class DockerImages:
    """The ImageBackend of one connection to an engine with Docker's API."""

    def __init__(self, client: docker.APIClient, dialect: Dialect = DOCKER) -> None:
        """Take a client of Docker's API, which `connect` returns, and the engine's dialect."""
        self._client = client
        self._runtime = DockerRuntime(client, dialect)

    def check_ready(self) -> None:
        """Do nothing: an engine that answers makes images."""

    def architecture(self) -> str:
        """Ask the engine for its architecture, in Docker's words: `amd64` or `arm64`."""
        with sdk_errors():
            return str(self._client.version(api_version=True)["Arch"])

    def find_labelled(self, label: str) -> list[StoredImage]:
        """Ask the engine, by one request, for all images with a label, those without a name
        included. The label is a key, or `key=value`.
        """
        with sdk_errors():
            return list(map(_stored, self._client.images(all=True, filters={"label": label})))

    def has(self, image: str) -> bool:
        """Ask the engine whether it has an image."""
        with sdk_errors():
            try:
                self._client.inspect_image(image)  # type: ignore[no-untyped-call]
            except ImageNotFound:
                return False
        return True

    def import_tar(self, tar: Iterable[bytes], *, label: str) -> str:
        """Make an image of a tar archive of a root file system, and return its id."""
        with sdk_errors():
            answer = self._client.import_image_from_data(tar, changes=[f"LABEL {label}"])
        for line in answer.splitlines():
            event = json.loads(line)
            if "error" in event:
                raise EngineError(f"the engine did not take the file system: {event['error']}")
            if event.get("status", "").startswith("sha256:"):
                return str(event["status"])
        raise EngineError(f"the engine did not say which image it made: {answer!r}")

    def export_tar(self, image: str) -> Generator[bytes]:
        """Yield the tar archive of an image's root file system; close it to stop early."""
        with sdk_errors():
            container = self._create(image, ["/"])
            try:
                yield from self._client.export(container, _CHUNK)
            finally:
                self.end_step(container)

    def build(self, layer: Layer, *, base: str) -> Iterator[BuildEvent]:
        """Build a layer on a base, and yield the messages of the engine's builder."""
        context = build_context(layer, base)
        network = "default" if layer.recipe.has_network else "none"
        with sdk_errors():
            for event in self._client.build(
                fileobj=io.BytesIO(context), custom_context=True, network_mode=network,
                nocache=True, rm=True, forcerm=True, decode=True, use_config_proxy=True,
            ):  # fmt: skip
                yield _build_event(event)

    def end_step(self, container: str) -> None:
        """Remove the container that runs a step of a build: the build then fails."""
        cleanup.remove(self._runtime, ResourceKind.CONTAINER, container)

    def run(self, image: str, command: Sequence[str]) -> MixedOutput:
        """Run a program in a container without a network, and return what it wrote."""
        with sdk_errors():
            container = self._create(image, command)
            try:
                self._client.start(container)
                status = self._client.wait(container)["StatusCode"]
                text = self._client.logs(container).decode("utf-8", "replace")
            finally:
                self.end_step(container)
        return MixedOutput(exit_code=status, text=text)

    def tag(self, image: str, name: str) -> None:
        """Give an image a name. An image that had the name before loses it."""
        repository, _, tag = name.rpartition(":")
        with sdk_errors():
            self._client.tag(image, repository, tag)

    def remove(self, image: str) -> bool:
        """Remove an image and its unnamed parents; return False if there is no such image. Raise
        ImageInUse if a container uses it.
        """
        with sdk_errors():
            try:
                self._client.remove_image(image)
            except ImageNotFound:
                return False
            except APIError as error:
                if error.status_code == HTTPStatus.CONFLICT:
                    raise ImageInUse(str(error.explanation)) from error
                raise
        return True

    def remove_unfinished(self, label: str, *, min_age_s: int) -> None:
        """Remove all images with the label `key` that have no name, and that nothing uses, unless
        they are younger than `min_age_s` by the engine's clock.
        """
        filters: dict[str, str | bool] = {"label": label, "dangling": True}
        if min_age_s:
            filters["until"] = f"{min_age_s}s"
        with sdk_errors():
            self._client.prune_images(filters)  # type: ignore[no-untyped-call]

    def pull(self, image: str) -> Generator[float | None]:
        """Fetch an image from its registry; yield the share that is done, or None if the engine
        said something else. Close it to stop early.
        """
        layers: dict[str, tuple[int, int]] = {}
        with sdk_errors(), contextlib.closing(
            self._client.pull(image, stream=True, decode=True)
        ) as stream:  # fmt: skip
            for event in stream:
                if "error" in event:
                    raise EngineError(f"cannot pull {image}: {event['error']}")
                detail = event.get("progressDetail") or {}
                if event.get("status") == "Downloading" and detail.get("total"):
                    layers[event["id"]] = (detail["current"], detail["total"])
                    done, total = (sum(column) for column in zip(*layers.values(), strict=True))
                    yield done / total
                else:
                    yield None

    def ask_registry(self, image: str, *, timeout_s: float) -> tuple[int, str]:
        """Ask the engine what the registry says of an image, with the login that Docker has for it.
        The SDK's inspect_distribution has no time limit of its own.
        """
        client = self._client
        url = f"{client.base_url}/v{client.api_version}/distribution/{image}/json"
        try:
            answer = client.get(url, headers=_login(client, image), timeout=timeout_s)
        except DockerException as error:
            return 0, f"no login for {image}: {error}"
        except requests.RequestException:
            return 0, f"no answer about {image} within {timeout_s:g} s"
        if answer.status_code == HTTPStatus.OK:
            return HTTPStatus.OK, ""
        reason = answer.json().get("message", answer.reason)
        if _CANNOT_ASK in reason:
            return HTTPStatus.NOT_IMPLEMENTED, reason
        return answer.status_code, f"no answer about {image}: {reason}"

    def _create(self, image: str, entrypoint: Sequence[str]) -> str:
        """Create a container of an image without network, and return its id."""
        host = HostConfig(
            version=self._client.api_version,
            network_mode="none",
            log_config=LogConfig(type="json-file"),
            cap_drop=["ALL"],
            security_opt=["no-new-privileges:true"],
        )
        made = self._client.create_container(
            image,
            host_config=host,
            labels=Labels(run="images").of(()),
            use_config_proxy=False,
            entrypoint=list(entrypoint),
        )
        return str(made["Id"])


def _login(client: docker.APIClient, image: str) -> dict[str, str]:
    """Return the header with the login for an image's registry, as `docker login` left it; empty
    if there is none. Raise DockerException if a helper that keeps logins fails.
    """
    registry, _ = auth.resolve_repository_name(image)
    header = auth.get_config_header(client, registry)
    return {"X-Registry-Auth": header.decode("ascii")} if header else {}


def _stored(image: Mapping[str, Any]) -> StoredImage:
    """Return what Docker's record says about an image."""
    return StoredImage(
        id=image["Id"],
        names=tuple(name for name in image.get("RepoTags") or () if name != _NO_NAME),
        labels=image.get("Labels") or {},
        size=image.get("Size", 0),
        created=image.get("Created", 0),
        has_parent=bool(image.get("ParentId")),
    )


def _build_event(event: Mapping[str, Any]) -> BuildEvent:
    """Return what an event of the engine's builder says; the builder writes ids into its text."""
    text = event.get("stream", "")
    step = _STEP.match(text)
    running = _RUNNING.fullmatch(text)
    made = _MADE.fullmatch(text)
    return BuildEvent(
        text=text,
        step=(int(step[1]), int(step[2])) if step else None,
        container=running[1] if running else "",
        layer=made[1] if made else "",
        image=(event.get("aux") or {}).get("ID", ""),
        error=event.get("error", ""),
    )
