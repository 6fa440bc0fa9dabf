"""A Runtime that runs containers on an engine with Docker's HTTP API."""

from __future__ import annotations

import secrets
import sys
import tarfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import docker
from docker.errors import APIError, ImageNotFound, NotFound

from labctl.engine.docker.connect import ping, sdk_errors
from labctl.engine.docker.connection import DockerConnection
from labctl.engine.docker.containers import LINKING, LinkedHost, container_settings
from labctl.engine.docker.dialect import DOCKER, Dialect, engine_info
from labctl.engine.docker.stream import DockerStream
from labctl.engine.resolver import resolv_conf
from labctl.engine.runtime import (
    Busy,
    CheckResult,
    ContainerSpec,
    ContainerState,
    InNamespaceOf,
    NetworkSpec,
    OnNetwork,
    Refusal,
    Resource,
    ResourceKind,
    Unreachable,
)
from labctl.errors import EngineError
from labctl.model.messages import Link
from labctl.model.result import EngineInfo

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


@dataclass
class _Network:
    """A network of containers that link themselves, and the first of them, which carries it."""

    spec: NetworkSpec
    carrier: str = ""

    def host_of(self, spec: ContainerSpec, place: OnNetwork, *, without_ipv6: bool) -> LinkedHost:
        """Return what a container on the network has to know of its host."""
        return LinkedHost(
            hostname=spec.hostname or secrets.token_hex(6),
            carrier=self.carrier,
            link=Link(
                carries=not self.carrier,
                addresses=place.addresses,
                prefix=self.spec.subnet.prefixlen,
                gateway=self.spec.gateway if place.addresses else "",
                keeps=LINKING in spec.capabilities,
            ),
            name_server=place.name_server,
            names=place.names,
            without_ipv6=without_ipv6,
        )


class DockerRuntime:
    """The Runtime of one connection to an engine with Docker's API."""

    def __init__(self, client: docker.APIClient, dialect: Dialect = DOCKER) -> None:
        """Take a client of Docker's API, which `connect` returns, and the engine's dialect."""
        self._client = client
        self._dialect = dialect
        self._lock = threading.Lock()
        self._networks: dict[str, _Network] = {}
        self._name_servers: dict[str, str] = {}
        """Those of containers, where the engine writes no resolv.conf."""

    @property
    def is_here(self) -> bool:
        """Whether the engine is on this machine. That of Docker Desktop is in a virtual machine,
        though its socket is here.
        """
        return sys.platform == "linux" and urlsplit(self._client.base_url).hostname in _HERE

    @property
    def removes_whole_networks(self) -> bool:
        """Return False: the engine knows containers alone."""
        return False

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
        """Return the id of a network. The engine has none: containers make their own links."""
        with self._lock:
            self._networks[spec.name] = _Network(spec)
        return spec.name

    def create(self, spec: ContainerSpec) -> str:
        """Make a container without starting it, and return its id, which the other methods take."""
        place = spec.place
        if not isinstance(place, OnNetwork):
            container = self._create(spec)
            if isinstance(place, InNamespaceOf):
                self._resolve(container, self._name_servers.get(place.container))
            return container
        with self._lock:
            network = self._networks.get(place.network)
        if network is None:
            raise Refusal(f"there is no network {place.network}")
        host = network.host_of(spec, place, without_ipv6=self._takes_ipv6_away)
        container = self._create(spec, host)
        network.carrier = network.carrier or container
        self._resolve(container, place.name_server)
        return container

    def _resolve(self, container: str, name_server: str | None) -> None:
        """Put a resolv.conf into a container that was made, if the engine writes none."""
        if not (name_server and self._dialect.lacks_name_files):
            return
        self._name_servers[container] = name_server
        with sdk_errors():
            self._client.put_archive(
                container, "/", _tar("etc/resolv.conf", resolv_conf(name_server))
            )

    @property
    def _takes_ipv6_away(self) -> bool:
        """Whether hosts have IPv6 that the engine leaves them, and that can be taken away."""
        if not self._dialect.leaves_ipv6:
            return False
        return not self.is_here or Path("/proc/sys/net/ipv6").exists()

    def _create(self, spec: ContainerSpec, host: LinkedHost | None = None) -> str:
        """Make a container, which is a host of a network."""
        settings = container_settings(spec, self._client.api_version, self._dialect, host)
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
        records. Networks are those that an earlier labctl has left.
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
        if kind is ResourceKind.NETWORK:
            with self._lock:
                if self._networks.pop(id_, None):
                    return  # the engine has none; but an earlier labctl may have left some
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
            self._name_servers.pop(id_, None)
            self._client.remove_container(id_, v=True, force=True)
        elif kind is ResourceKind.NETWORK:
            self._client.remove_network(id_)
        else:
            self._client.remove_volume(id_, force=True)


def _tar(path: str, text: str) -> bytes:
    """Return a tar archive of one file, without the blocks that mark its end: Podman may close its
    pipe to who reads it before it has written all of them, and then reports a broken one.
    """
    data = text.encode()
    entry = tarfile.TarInfo(path)
    entry.size = len(data)
    return entry.tobuf() + data + bytes(-len(data) % tarfile.BLOCKSIZE)


def _last_check(health: Mapping[str, Any]) -> CheckResult | None:
    """Return the last result in Docker's record of a container's health; None if it has none."""
    results = health.get("Log") or ()
    if not results:
        return None
    code = results[-1]["ExitCode"]
    return CheckResult(
        exit_code=None if code == _TOOK_TOO_LONG else code, output=results[-1].get("Output") or ""
    )
