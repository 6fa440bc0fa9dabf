"""A Runtime that runs containers on an engine with Docker's HTTP API."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import docker
from docker.errors import APIError, ImageNotFound, NotFound

from labctl.engine.docker.connect import ping, sdk_errors
from labctl.engine.docker.connection import DockerConnection
from labctl.engine.docker.containers import container_settings
from labctl.engine.docker.dialect import DOCKER, Dialect, engine_info
from labctl.engine.docker.stream import DockerStream
from labctl.engine.runtime import (
    Busy,
    CheckResult,
    ContainerSpec,
    ContainerState,
    NetworkSpec,
    Resource,
    ResourceKind,
    SubnetTaken,
    Unreachable,
)
from labctl.errors import EngineError
from labctl.model.result import EngineInfo

_ISOLATED_SINCE = (1, 48)
"""The version of the API from which on networks can be isolated by one option."""
_HERE = {"localhost", "127.0.0.1", "::1"}
"""The hosts in the SDK's addresses of engines on this machine; for a Unix socket, the first."""
_BUSY = (HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT)
"""What the engine answers when a network has active endpoints (403), or a removal is in progress
(409).
"""
_BEING_REMOVED = "removing"
"""The state of a container whose removal is in progress."""
_TOOK_TOO_LONG = -1
"""The exit code that Docker notes of a health check that it cut off."""
_HEALTH: Mapping[str, bool | None] = {"starting": None, "healthy": True, "unhealthy": False}


class DockerRuntime:
    """The Runtime of one connection to an engine with Docker's API."""

    def __init__(self, client: docker.APIClient, dialect: Dialect = DOCKER) -> None:
        """Take a client of Docker's API, which `connect` returns, and the engine's dialect."""
        self._client = client
        self._dialect = dialect

    @property
    def isolates_networks(self) -> bool:
        """Whether the engine has an option that keeps the host off a network."""
        return self._dialect.isolates_networks

    @property
    def is_here(self) -> bool:
        """Whether the engine is on this machine. That of Docker Desktop is in a virtual machine,
        though its socket is here.
        """
        return sys.platform == "linux" and urlsplit(self._client.base_url).hostname in _HERE

    @property
    def rewrites_hosts(self) -> bool:
        """Whether the engine writes /etc/hosts when a container joins or leaves a namespace."""
        return self._dialect.rewrites_hosts

    @property
    def takes_one_at_a_time(self) -> bool:
        """Return True: Docker may lose count of a network's containers."""
        return True

    def ping(self) -> None:
        """Ask the engine, over a new connection, whether it is there. Raise Unreachable if it does
        not answer within a few seconds.
        """
        try:
            ping(self._client)
        except EngineError as error:
            raise Unreachable(error.message, hint=error.hint) from error

    def connect(self) -> DockerConnection:
        """Return a new connection, by which it can be told later whether the engine has been
        there all the time.
        """
        with sdk_errors():
            return DockerConnection(self._client)

    def info(self) -> EngineInfo:
        """Ask the engine for its name and version, its kernel and its architecture (`amd64`)."""
        with sdk_errors():
            return engine_info(self._client.version())

    def image_labels(self, image: str) -> Mapping[str, str] | None:
        """Ask the engine for the labels of an image; None if it has no image of that name."""
        with sdk_errors():
            try:
                details = self._client.inspect_image(image)  # type: ignore[no-untyped-call]
            except ImageNotFound:
                return None
        return (details.get("Config") or {}).get("Labels") or {}

    def lacks_image(self, image: str) -> EngineError:
        """Return the error for an image that the engine lacks. Its hint says what to do."""
        return EngineError(
            f"the engine has no image {image}",
            hint=f"pull {image}, or build it and give it that name",
        )

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
                if self._dialect.taken.search(str(error.explanation)):
                    raise SubnetTaken(str(error.explanation)) from error
                raise
        return str(network["Id"])

    def _isolation(self) -> dict[str, str]:
        """Return the options that keep the host off a network: without them, the bridge has an
        address of the host's, and containers reach what listens there, internal network or not.
        """
        if not self.isolates_networks:
            return {}
        version = tuple(int(part) for part in self._client.api_version.split("."))
        if version >= _ISOLATED_SINCE:
            return {"com.docker.network.bridge.gateway_mode_ipv4": "isolated"}
        return {"com.docker.network.bridge.inhibit_ipv4": "true"}

    def create(self, spec: ContainerSpec) -> str:
        """Make a container without starting it, and return its id, which the other methods take."""
        settings = container_settings(spec, self._client.api_version, self._dialect)
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
        health = state.get("Health") or {}
        return ContainerState(
            is_running=state["Running"],
            exit_code=state["ExitCode"],
            is_healthy=_HEALTH.get(health.get("Status", "healthy"), True),
            last_check=_last_check(health),
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
            listed = self._client.containers(all=True, filters=filters)
            return [one for one in listed if self._is_there(one)]
        if kind is ResourceKind.NETWORK:
            return list(self._client.networks(filters=filters))
        return list(self._client.volumes(filters=filters)["Volumes"] or ())

    def _is_there(self, listed: Mapping[str, Any]) -> bool:
        """Tell whether a container that Docker lists is there. Engine 20.10 may go on listing one
        whose removal it has lost sight of, and says that there is no such container.
        """
        if listed.get("State") != _BEING_REMOVED:
            return True
        try:
            self._client.inspect_container(listed["Id"])
        except NotFound:
            return False
        return True

    def listing_command(self, label: str) -> str:
        """Return a shell command that lists the containers with a label, for people to type."""
        return f"{self._dialect.name} ps --filter label={label}"

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
                if error.status_code in _BUSY or self._dialect.busy.search(reason):
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


def _last_check(health: Mapping[str, Any]) -> CheckResult | None:
    """Return the last result in Docker's record of a container's health; None if it has none."""
    results = health.get("Log") or ()
    if not results:
        return None
    code = results[-1]["ExitCode"]
    return CheckResult(
        exit_code=None if code == _TOOK_TOO_LONG else code, output=results[-1].get("Output") or ""
    )
