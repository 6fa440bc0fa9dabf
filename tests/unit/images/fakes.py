"""A Docker engine at the SDK's boundary: it answers what a test tells it to, and keeps a log."""

from __future__ import annotations

import io
import shlex
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import docker
import requests
from docker.errors import APIError, ImageNotFound

from labctl.engine.images.builder import Builder
from labctl.engine.images.docker import DockerImages
from labctl.engine.images.interruption import Interruption


def api_error(status: int, message: str = "no") -> APIError:
    response = requests.Response()
    response.status_code = status
    kind = ImageNotFound if status == 404 else APIError
    return kind(message, response=response, explanation=message)


def answer(status: int, body: bytes = b"{}") -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response._content = body  # noqa: SLF001 there is no other way to make one
    return response


@dataclass(frozen=True, kw_only=True)
class Build:
    """What an engine was asked to build, and how."""

    members: Mapping[str, tarfile.TarInfo]
    lines: list[str]
    """The Dockerfile's."""
    settings: Mapping[str, Any]

    @property
    def base(self) -> str:
        return self.lines[0].removeprefix("FROM ")

    @property
    def labels(self) -> dict[str, str]:
        words = [shlex.split(line)[1:] for line in self.lines if line.startswith("LABEL ")]
        return dict(word.split("=", 1) for line in words for word in line)


def parsed(context: bytes, settings: Mapping[str, Any] | None = None) -> Build:
    """Return what is in the tar archive that an engine builds an image from."""
    with tarfile.open(fileobj=io.BytesIO(context)) as tar:
        file = tar.extractfile("Dockerfile")
        assert file is not None
        return Build(
            members={member.name: member for member in tar},
            lines=file.read().decode().splitlines(),
            settings=settings or {},
        )


class FakeClient:
    """Attributes are what it answers with; `calls` what it was asked, in order."""

    base_url = "http+docker://localhost"
    api_version = "1.41"
    credstore_env = None
    _auth_configs = None

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.listed: list[dict[str, Any]] = []
        self.build_events: Callable[[], Iterable[dict[str, Any]]] = lambda: built("sha256:made")
        self.pull_events: list[dict[str, Any]] = []
        self.imported = '{"status":"sha256:base"}\n'
        self.local: set[str] = set()
        self.refusals: dict[str, APIError] = {}
        self.registry: Callable[[], requests.Response] = lambda: answer(200)
        self.builds: list[Build] = []
        self.said = b'{"version": "3.13.5", "missing": {}}\n'
        self.status_code = 0

    @property
    def as_client(self) -> docker.APIClient:
        return cast("docker.APIClient", self)

    def asked(self, verb: str) -> list[str]:
        return [what for called, what in self.calls if called == verb]

    def version(self, *, api_version: bool = True) -> dict[str, str]:  # noqa: ARG002 the SDK's
        return {"Arch": "amd64"}

    def images(
        self,
        filters: Mapping[str, Any],
        all: bool = False,  # noqa: A002, FBT001, FBT002, ARG002, RUF100 the SDK's
    ) -> list[dict[str, Any]]:
        self.calls.append(("images", str(dict(filters))))
        return self.listed

    def get(self, url: str, headers: Mapping[str, str], timeout: float) -> requests.Response:
        self.calls.append(("get", f"{url} {timeout}"))
        self.headers.append(dict(headers))
        return self.registry()

    def inspect_image(self, image: str) -> dict[str, Any]:
        if image in self.local:
            return {"Id": image}
        raise api_error(404)

    def pull(self, image: str, *, stream: bool, decode: bool) -> Iterator[dict[str, Any]]:
        assert stream
        assert decode
        self.calls.append(("pull", image))
        self.local.add(image)
        yield from self.pull_events

    def import_image_from_data(self, data: Iterable[bytes], changes: list[str]) -> str:
        self.calls.append(("import", f"{b''.join(data)!r} {changes}"))
        return self.imported

    def build(self, **settings: Any) -> Iterator[dict[str, Any]]:
        build = parsed(settings["fileobj"].read(), settings)
        self.calls.append(("build", build.labels.get("labctl.image", "")))
        self.builds.append(build)
        yield from self.build_events()

    def tag(self, image: str, repository: str, tag: str) -> None:
        self.calls.append(("tag", f"{image} {repository} {tag}"))
        name = f"{repository}:{tag}"
        for one in self.listed:
            others = [other for other in one.get("RepoTags", ()) if other != name]
            one["RepoTags"] = [*others, name] if one["Id"] == image else others

    def remove_image(self, image: str) -> None:
        self.calls.append(("remove_image", image))
        if image in self.refusals:
            raise self.refusals[image]

    def prune_images(self, filters: Mapping[str, Any]) -> None:
        self.calls.append(("prune", str(dict(filters))))

    def create_container(self, image: str, **_: Any) -> dict[str, str]:
        self.calls.append(("create", image))
        return {"Id": f"container of {image}"}

    def start(self, container: str) -> None:
        self.calls.append(("start", container))

    def wait(self, container: str) -> dict[str, int]:  # noqa: ARG002 the SDK's
        return {"StatusCode": self.status_code}

    def logs(self, container: str) -> bytes:  # noqa: ARG002 the SDK's
        return self.said

    def export(self, container: str, chunk_size: int) -> Iterator[bytes]:  # noqa: ARG002 the SDK's
        yield b"files"

    def remove_container(self, name: str, *, v: bool, force: bool) -> None:
        assert v
        assert force
        self.calls.append(("remove_container", name))
        if name in self.refusals:
            raise self.refusals[name]


def built(image: str, *steps: str) -> list[dict[str, Any]]:
    """What an engine says of a build that made these steps, and in the end that image."""
    said: list[dict[str, Any]] = [
        {"stream": text}
        for number, step in enumerate(steps, start=1)
        for text in (
            f"Step {number}/{len(steps)} : RUN",
            "\n",
            f" ---> Running in {number:012x}\n",
            f" ---> {step}\n",
        )
    ]
    return [*said, {"aux": {"ID": image}}]


def builder(
    client: FakeClient, interruption: Interruption | None = None, *, fresh: bool = False
) -> Builder:
    return Builder(
        DockerImages(client.as_client),
        report=lambda _text, _fraction: None,
        interruption=interruption or Interruption(),
        fresh=fresh,
    )
