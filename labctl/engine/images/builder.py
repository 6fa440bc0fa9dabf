"""One image in the making, on the engine. What a failed or interrupted one leaves is removed."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import docker
from docker.errors import APIError, ImageNotFound
from docker.types import HostConfig, LogConfig

from labctl.engine import cleanup
from labctl.engine.docker.connect import engine_errors
from labctl.engine.docker.runtime import DockerRuntime
from labctl.engine.images import names
from labctl.engine.images.interruption import Interruption
from labctl.engine.labels import Labels
from labctl.engine.runtime import ResourceKind
from labctl.errors import EngineError

Report = Callable[[str, float | None], None]
"""Told what is being done, and how much of it is done (0 to 1) where that is known."""

_CHUNK = 1024 * 1024
_STEP = re.compile(r"Step (\d+)/(\d+) ")
_MADE = re.compile(r" ---> ([0-9a-f]{12})\n")
_RUNNING = re.compile(r" ---> Running in ([0-9a-f]{12})\n")
_CHECK = """
import importlib, json, platform, socket
missing = {}
for name in ("ssl", "ctypes", "hashlib", "select", "zlib", "asyncio", "smtplib", "urllib.request"):
    try:
        importlib.import_module(name)
    except Exception as error:
        missing[name] = str(error)
socket.getaddrinfo("localhost", 25)
print(json.dumps({"version": platform.python_version(), "missing": missing}))
"""


class Builder:
    """Makes one image; a context manager, which removes all that was made if it was in vain."""

    def __init__(
        self, client: docker.APIClient, *, report: Report, interruption: Interruption, fresh: bool
    ) -> None:
        """With `fresh`, no base that was made before is used again."""
        self.client = client
        self.report = report
        self.interruption = interruption
        self._fresh = fresh
        self._made: list[str] = []
        self._container = ""
        self._output: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        if kind is not None:
            with engine_errors("removing what an unfinished image has left"):
                for image in reversed(self._made):
                    self.remove_image(image)

    def architecture(self) -> str:
        """The engine's, in its own words (`amd64`)."""
        return str(self.client.version(api_version=True)["Arch"])

    def find_base(self, key: str) -> str | None:
        """The base that was made with this key, if it is still there."""
        if self._fresh:
            return None
        found = self.client.images(all=True, filters={"label": f"{names.BASE}={key}"})
        return next((image["Id"] for image in found if not image["ParentId"]), None)

    def import_base(self, tar: Iterable[bytes], key: str) -> str:
        """Make an image of a file system, to be found again by its key."""
        answer = self.client.import_image_from_data(
            self.interruption.watch(tar), changes=[f"LABEL {names.BASE}={key}"]
        )
        for line in answer.splitlines():
            event = json.loads(line)
            if "error" in event:
                raise EngineError(f"the engine did not take the file system: {event['error']}")
            if event.get("status", "").startswith("sha256:"):
                self._made.append(event["status"])
                return str(event["status"])
        raise EngineError(f"the engine did not say which image it made: {answer!r}")

    def pull(self, image: str) -> None:
        """Fetch an image from its registry; to stop reading makes the engine stop."""
        layers: dict[str, tuple[int, int]] = {}
        stream = self.client.pull(image, stream=True, decode=True)
        with contextlib.closing(stream):
            for event in self.interruption.watch(stream):
                if "error" in event:
                    raise EngineError(f"cannot pull {image}: {event['error']}")
                detail = event.get("progressDetail") or {}
                if event.get("status") == "Downloading" and detail.get("total"):
                    layers[event["id"]] = (detail["current"], detail["total"])
                    done, total = (sum(column) for column in zip(*layers.values(), strict=True))
                    self.report(f"registry: fetching {image}", done / total)

    def flatten(self, image: str, key: str) -> str:
        """A base with the files of an image, without its environment and other settings."""
        container = self._create(image, entrypoint=["/"])
        try:
            return self.import_base(self.client.export(container, _CHUNK), key)
        finally:
            self._remove_container(container)

    def check_python(self, base: str, interpreter: str) -> str:
        """The full version of a base's interpreter. EngineError where it lacks what clients use."""
        command = [interpreter, "-I", "-S", "-B", "-c", _CHECK]
        container = self._create(base, entrypoint=command)
        try:
            self.client.start(container)
            status = self.client.wait(container)["StatusCode"]
            said = self.client.logs(container).decode("utf-8", "replace").strip()
        finally:
            self._remove_container(container)
        if status:
            raise EngineError(f"its Python does not run: {said.rpartition(chr(10))[2]}")
        found = json.loads(said)
        if found["missing"]:
            lacks = "; ".join(f"{name} ({error})" for name, error in found["missing"].items())
            raise EngineError(f"its Python {found['version']} cannot import {lacks}")
        return str(found["version"])

    def build(
        self,
        context: bytes,
        *,
        base: str,
        arguments: Mapping[str, str] | None = None,
        network: str = "none",
    ) -> str:
        """Build the Dockerfile of a context on a base; the image's id.

        Interrupted, it does not let go of the engine's builder, which would go on for a moment
        and leave something behind: it takes away its container and sees it through to its end.
        """
        image, failure = "", ""
        with self.interruption.calling(self._end_container):
            for event in self.client.build(
                fileobj=io.BytesIO(context), custom_context=True, network_mode=network,
                nocache=True, rm=True, forcerm=True, decode=True, use_config_proxy=True,
                buildargs={"BASE": base, **(arguments or {})},
            ):  # fmt: skip
                image = (event.get("aux") or {}).get("ID", image)
                failure = failure or event.get("error", "")
                self._follow(event.get("stream", ""), base)
        if failure or not image:
            self.interruption.check()
            raise EngineError(
                failure.strip() or "the engine did not say which image it built",
                hint="".join(self._output[-5:]).strip(),
            )
        return image

    def give_name(self, image: str, name: str) -> None:
        """Name a finished image, and remove the one that had the name until now.

        Who has it is asked at the last moment, since others may be making the same image.
        """
        before = self.client.images(filters={"reference": [name]})
        repository, _, tag = name.rpartition(":")
        self.client.tag(image, repository, tag)
        self._made.clear()
        for other in before:
            if other["Id"] != image and len(other["RepoTags"]) == 1:
                self.remove_image(other["Id"])

    def remove_image(self, image: str) -> None:
        """Remove it and its untagged parents; fine if it has gone, or something still uses it."""
        try:
            self.client.remove_image(image)
        except ImageNotFound:
            return
        except APIError as error:
            if error.status_code != HTTPStatus.CONFLICT:
                raise

    def _follow(self, text: str, base: str) -> None:
        """Keep track of the engine's builder by what it says."""
        self._output.append(text)
        if step := _STEP.match(text):
            number, total = int(step[1]), int(step[2])
            self.report(f"step {number} of {total}", (number - 1) / total)
        elif running := _RUNNING.fullmatch(text):
            self._container = running[1]
        elif (made := _MADE.fullmatch(text)) and made[1] not in base:
            self._made.append(made[1])
        if self.interruption.is_set:
            self._end_container()

    def _end_container(self) -> None:
        if self._container:
            with engine_errors("ending the step of a build"):
                self._remove_container(self._container)

    def _remove_container(self, container: str) -> None:
        cleanup.remove(DockerRuntime(self.client), ResourceKind.CONTAINER, container)

    def _create(self, image: str, **settings: Any) -> str:
        host = HostConfig(
            version=self.client.api_version,
            network_mode="none",
            log_config=LogConfig(type="json-file"),
            cap_drop=["ALL"],
            security_opt=["no-new-privileges:true"],
        )
        made = self.client.create_container(
            image,
            host_config=host,
            labels=Labels(run="images").of(()),
            use_config_proxy=False,
            **settings,
        )
        return str(made["Id"])
