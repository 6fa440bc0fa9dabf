"""Labs on a Docker engine."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Any

import docker
from docker.errors import APIError, ImageNotFound

from labctl.engine import cleanup, subnets
from labctl.engine.connect import engine_errors
from labctl.engine.docker_lab import DockerLab
from labctl.engine.labels import Labels
from labctl.errors import EngineError
from labctl.model.plan import PlannedLab
from labctl.model.result import EngineInfo

_ISOLATED_SINCE = (1, 48)


class DockerEngine:
    """An engine for one run; `keep` leaves its labs running for people to look at."""

    def __init__(self, client: docker.APIClient, *, run: str, keep: bool = False) -> None:
        self.client = client
        self.run = run
        self.keep = keep
        self._labels = Labels(run=run, keep=keep)
        self._stopped = threading.Event()

    def info(self) -> EngineInfo:
        with engine_errors("asking the engine what it is"):
            found = self.client.version()
        return EngineInfo(
            name="docker",
            version=found["Version"],
            kernel=found.get("KernelVersion", ""),
            architecture=found.get("Arch", ""),
        )

    @contextlib.contextmanager
    def lab(self, lab: PlannedLab) -> Iterator[DockerLab]:
        """Start a lab; whatever happens, it is removed in the end, unless it is to be kept."""
        images = self._images(lab)
        labels = self._labels.of(lab.scenarios)
        name = f"labctl-{self.run}-{secrets.token_hex(2)}"
        subnet, network = self._network(name, labels)
        try:
            running = DockerLab(self, lab, images, name=name, subnet=subnet, labels=labels)
            try:
                running.start()
                yield running
            finally:
                running.stop()
                if not self.keep:
                    running.remove()
        finally:
            if not self.keep:
                with engine_errors("removing the lab's network"):
                    cleanup.remove_network(self.client, network)

    def stop(self) -> None:
        """Refuse to start anything more and end all that runs, so that nobody waits for it."""
        self._stopped.set()
        self.sweep()

    def sweep(self) -> None:
        """Remove whatever this run has left on the engine."""
        cleanup.sweep(self.client, self.run)

    def check_running(self) -> None:
        """Raise EngineError if the run has been stopped."""
        if self._stopped.is_set():
            raise EngineError("the run was stopped")

    def _images(self, lab: PlannedLab) -> dict[str, dict[str, Any]]:
        """What the engine knows of each image that the lab's services need."""
        found = {}
        for service in lab.services:
            if service.image in found:
                continue
            try:
                with engine_errors("looking for images"):
                    found[service.image] = self.client.inspect_image(  # type: ignore[no-untyped-call]
                        service.image
                    )
            except EngineError as error:
                if not isinstance(error.__cause__, ImageNotFound):
                    raise
                raise EngineError(
                    f"the engine has no image {service.image}, which service {service.name} needs",
                    hint=f"docker pull {service.image}, or build it and give it that name",
                ) from error
        return found

    def _network(self, name: str, labels: dict[str, str]) -> tuple[IPv4Network, str]:
        """Make the lab's network, isolated from the host and from all else, on a free subnet."""
        for subnet in subnets.candidates():
            self.check_running()
            pool = docker.types.IPAMPool(
                subnet=str(subnet),
                iprange=subnets.tap_range(subnet),
                gateway=subnets.gateway(subnet),
            )
            try:
                made = self.client.create_network(
                    name,
                    driver="bridge",
                    internal=True,
                    ipam=docker.types.IPAMConfig(pool_configs=[pool]),
                    options=self._isolation(),
                    labels=labels,
                )
            except APIError as error:
                if "overlap" in str(error.explanation).lower():
                    continue
                with engine_errors("creating the lab's network"):
                    raise
            return subnet, made["Id"]
        raise EngineError(
            "no free subnet is left in 198.18.0.0/15",
            hint="`labctl clean --all` removes the labs that are left on this engine",
        )

    def _isolation(self) -> dict[str, str]:
        """Keep the host off the network: without these, the bridge has an address of the host's,
        and containers reach what listens there, internal network or not.
        """
        version = tuple(int(part) for part in self.client.api_version.split("."))
        if version >= _ISOLATED_SINCE:
            return {"com.docker.network.bridge.gateway_mode_ipv4": "isolated"}
        return {"com.docker.network.bridge.inhibit_ipv4": "true"}
