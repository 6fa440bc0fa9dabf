"""The part of the Compose file format that labs honour; any other key is an error that names it."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, field_validator

from labctl.model.base import Input, Name, Seconds
from labctl.model.compose_values import (
    Address,
    AsAssignments,
    AsAttachments,
    AsDependencies,
    AsTuple,
    Capability,
    Filled,
    HealthTest,
    HostName,
    Memory,
    ServiceAddress,
    Signal,
    Subnet,
    Sysctl,
    Tmpfs,
    Value,
    WithoutEffect,
    Words,
)

EVENTS_KEY: Final = "x-labctl-events"
READY_S: Final = 60.0
"""How long a service may take to get ready, in seconds."""


class Healthcheck(Input):
    """How the engine finds out that a service is ready; durations in seconds. A `test` that is
    text is run by the container's shell.

    The defaults are Compose's own, but for the interval: Compose looks every 30 s only, and labs
    are to start fast.
    """

    test: HealthTest
    interval: Seconds = 1.0
    timeout: Seconds = 30.0
    retries: Annotated[int, Field(ge=1, le=1000)] = 3
    start_period: Seconds = 0.0

    @property
    def grace_s(self) -> float:
        """How many seconds after the start failures begin to count. If the file leaves out the
        interval, they never do before labctl gives up: three failures in three seconds say nothing,
        where Compose would wait for a minute and a half.
        """
        given = "interval" in self.model_fields_set
        return self.start_period if given else max(self.start_period, READY_S)


class Attachment(Input):
    """A service's place on the lab's network."""

    aliases: tuple[Name, ...] = ()
    ipv4_address: ServiceAddress | None = None


class Dependency(Input):
    """What must be so of another service before this one starts."""

    condition: Literal["service_started", "service_healthy"] = "service_started"


class Service(Input):
    """One service of a Compose file. labctl adds: all capabilities dropped but `cap_add`, no new
    privileges, limits of processes and memory where none are given, and no published ports.

    What changes how a service behaves in a lab is honoured or refused. The keys at the end change
    nothing there, and are accepted so that other programs can use the same file.
    """

    name: Name = ""
    """The key that the service is listed under; never written in the file."""
    image: Filled
    command: Words = ()
    entrypoint: Words | None = None
    environment: Annotated[dict[str, Value], AsAssignments] = Field(default_factory=dict)
    user: Filled | None = None
    working_dir: Filled | None = None
    cap_add: tuple[Capability, ...] = ()
    cap_drop: tuple[Literal["ALL"], ...] = ()
    security_opt: tuple[Literal["no-new-privileges:true"], ...] = ()
    read_only: bool = False
    tmpfs: Annotated[tuple[Tmpfs, ...], AsTuple] = ()
    sysctls: Annotated[dict[Sysctl, Value], AsAssignments] = Field(default_factory=dict)
    pids_limit: Annotated[int, Field(ge=1, le=4096)] = 128
    mem_limit: Memory = "256m"
    hostname: HostName | None = None
    init: bool = False
    stop_signal: Signal | None = None
    shm_size: Memory | None = None
    """The size of `/dev/shm`. None: there is no shared memory at all."""
    networks: Annotated[dict[str, Attachment], AsAttachments] = Field(
        default_factory=dict, max_length=1
    )
    healthcheck: Healthcheck | None = None
    depends_on: Annotated[dict[str, Dependency], AsDependencies] = Field(default_factory=dict)
    events: dict[str, tuple[str, ...]] | None = Field(default=None, alias=EVENTS_KEY)
    """What it can say of a client: events by name, each with its keys. None: nobody knows."""
    labels: WithoutEffect = None
    expose: WithoutEffect = None
    logging: WithoutEffect = None
    stop_grace_period: WithoutEffect = None

    @property
    def aliases(self) -> tuple[str, ...]:
        """The names that its entry gives it beside its own."""
        return tuple(alias for net in self.networks.values() for alias in net.aliases)

    @property
    def dns_names(self) -> tuple[str, ...]:
        """Every name of the lab's DNS that means this service: its aliases, or its own name."""
        return self.aliases or (self.name,)


class Pool(Input):
    """An address range in CIDR notation. labctl takes one of its own in its place."""

    subnet: Subnet
    ip_range: Subnet | None = None
    gateway: Address | None = None


class Ipam(Input):
    """How a network's addresses are given out."""

    driver: Literal["default"] = "default"
    config: tuple[Pool, ...] = ()


class Network(Input):
    """The lab's network. labctl makes its own isolated one, whatever stands here."""

    driver: Literal["bridge"] = "bridge"
    internal: bool = True
    driver_opts: dict[str, str] = Field(default_factory=dict)
    ipam: Ipam = Field(default_factory=Ipam)


class ComposeFile(Input):
    """A Compose file with one network at the most."""

    version: str | None = None
    name: str | None = None
    services: Annotated[dict[Name, Service], Field(min_length=1)]
    networks: Annotated[dict[str, Network | None], Field(max_length=1)] = Field(
        default_factory=dict
    )

    @field_validator("services", mode="after")
    @classmethod
    def _name_services(cls, services: dict[str, Service]) -> dict[str, Service]:
        """Give each service the name it is listed under."""
        return {n: service.model_copy(update={"name": n}) for n, service in services.items()}
