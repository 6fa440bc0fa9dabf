"""A Runtime that runs containers on a Docker engine, by its HTTP API."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import docker
from docker.errors import APIError, ImageNotFound, NotFound

from labctl.engine.docker.connect import sdk_errors
from labctl.engine.docker.containers import container_settings
from labctl.engine.docker.stream import DockerStream
from labctl.engine.runtime import (
    Busy,
    ContainerSpec,
    ContainerState,
    NetworkSpec,
    Resource,
    ResourceKind,
    SubnetTaken,
)
from labctl.model.result import EngineInfo

_ISOLATED_SINCE = (1, 48)
"""The version of the API from which on networks can be isolated by one option."""
_BUSY = (HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT)
"""What the engine answers when a network has active endpoints (403), or a removal is in progress
(409).
"""
_FILES_IN_USE = re.compile("failed to remove root filesystem|unable to remove filesystem")
"""What the engine says, with status 500, of a container whose files something used at the moment
of its removal: a builder that was just mounting them. The container is `dead` then, until it is
removed again.
"""
_HEALTH: Mapping[str, bool | None] = {"starting": None, "healthy": True, "unhealthy": False}


class DockerRuntime:
    """The Runtime of one connection to a Docker engine."""

    def __init__(self, client: docker.APIClient) -> None:
        """Take a client of Docker's API, which `connect` returns."""
        self._client = client

    def info(self) -> EngineInfo:
        """Ask the engine for its name and version, its kernel and its architecture (`amd64`)."""
        with sdk_errors():
            version = self._client.version()
        return EngineInfo(
            name="docker",
            version=version["Version"],
            kernel=version.get("KernelVersion", ""),
            architecture=version.get("Arch", ""),
        )

    def image_labels(self, image: str) -> Mapping[str, str] | None:
        """Ask the engine for the labels of an image; None if it has no image of that name."""
        with sdk_errors():
            try:
                details = self._client.inspect_image(image)  # type: ignore[no-untyped-call]
            except ImageNotFound:
                return None
        return (details.get("Config") or {}).get("Labels") or {}

    def create_network(self, spec: NetworkSpec) -> str:
        """Make a network, and return its id. Raise SubnetTaken if another one has the subnet's
        addresses.
        """
        pool = docker.types.IPAMPool(
            subnet=str(spec.subnet), iprange=spec.dynamic_range, gateway=spec.gateway
        )
        with sdk_errors():
            try:
                network = self._client.create_network(
                    spec.name,
                    driver="bridge",
                    internal=True,
                    ipam=docker.types.IPAMConfig(pool_configs=[pool]),
                    options=self._isolation(),
                    labels=dict(spec.labels),
                )
            except APIError as error:
                if "overlap" in str(error.explanation).lower():
                    raise SubnetTaken(str(error.explanation)) from error
                raise
        return str(network["Id"])

    def _isolation(self) -> dict[str, str]:
        """Return the options that keep the host off a network: without them, the bridge has an
        address of the host's, and containers reach what listens there, internal network or not.
        """
        version = tuple(int(part) for part in self._client.api_version.split("."))
        if version >= _ISOLATED_SINCE:
            return {"com.docker.network.bridge.gateway_mode_ipv4": "isolated"}
        return {"com.docker.network.bridge.inhibit_ipv4": "true"}

    def create(self, spec: ContainerSpec) -> str:
        """Make a container without starting it, and return its id, which the other methods take."""
        settings = container_settings(spec, self._client.api_version)
        with sdk_errors():
            return str(self._client.create_container(**settings)["Id"])

    def attach(self, container: str, *, stdin: bool) -> DockerStream:
        """Return the stdout and stderr of a container that has not been started, so that nothing it
        writes is missed; with `stdin`, also its stdin.
        """
        params = {"stdin": int(stdin), "stdout": 1, "stderr": 1, "stream": 1}
        with sdk_errors():
            return DockerStream(self._client.attach_socket(container, params=params))

    def start(self, container: str) -> None:
        """Start a container that was made. Do not wait for its program. Raise Refusal if the engine
        can't.
        """
        with sdk_errors():
            self._client.start(container)

    def wait(self, container: str) -> ContainerState:
        """Wait until a container has ended, and return its state."""
        with sdk_errors():
            self._client.wait(container)
        return self.state(container)

    def state(self, container: str) -> ContainerState:
        """Ask the engine for the state that a container is in now."""
        with sdk_errors():
            state = self._client.inspect_container(container)["State"]
        health = (state.get("Health") or {}).get("Status", "healthy")
        return ContainerState(
            is_running=state["Running"],
            exit_code=state["ExitCode"],
            is_healthy=_HEALTH.get(health, True),
            is_out_of_memory=bool(state.get("OOMKilled")),
        )

    def resources(self, kind: ResourceKind, labels: Sequence[str]) -> list[Resource]:
        """Ask the engine for all things of a kind that have all of these labels: each a key, or
        `key=value`.
        """
        key = "Name" if kind is ResourceKind.VOLUME else "Id"
        with sdk_errors():
            listed = self._list(kind, {"label": list(labels)})
        return [
            Resource(kind=kind, id=item[key], labels=item.get("Labels") or {}) for item in listed
        ]

    def _list(self, kind: ResourceKind, filters: dict[str, list[str]]) -> list[dict[str, Any]]:
        """Ask Docker for its containers, networks or volumes with these filters, and return its
        records.
        """
        if kind is ResourceKind.CONTAINER:
            return list(self._client.containers(all=True, filters=filters))
        if kind is ResourceKind.NETWORK:
            return list(self._client.networks(filters=filters))
        return list(self._client.volumes(filters=filters)["Volumes"] or ())

    def listing_command(self, label: str) -> str:
        """Return a shell command that lists the containers with a label, for people to type."""
        return f"docker ps --filter label={label}"

    def remove(self, kind: ResourceKind, id_: str) -> None:
        """Remove a thing: a container, running or not, with its volumes; a network; or a volume. Do
        nothing if it has gone. Raise Busy if it will be possible in a moment.
        """
        with sdk_errors():
            try:
                self._remove(kind, id_)
            except NotFound:
                return
            except APIError as error:
                reason = str(error.explanation)
                if error.status_code in _BUSY or _FILES_IN_USE.search(reason):
                    raise Busy(reason) from error
                raise

    def _remove(self, kind: ResourceKind, id_: str) -> None:
        """Remove a container, network or volume by force."""
        if kind is ResourceKind.CONTAINER:
            self._client.remove_container(id_, v=True, force=True)
        elif kind is ResourceKind.NETWORK:
            self._client.remove_network(id_)
        else:
            self._client.remove_volume(id_, force=True)
