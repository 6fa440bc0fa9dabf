"""The part of the Compose file format that labs honour; any other key is an error that names it."""

from __future__ import annotations

import ipaddress
import re
import shlex
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from labctl.model.base import Input, Name, Seconds, Text

CAPABILITIES: Final = (
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "KILL",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETGID",
    "SETUID",
    "SYS_CHROOT",
)
"""What a service may have: enough to serve, and to shape its own network namespace."""

EVENTS_KEY: Final = "x-labctl-events"

_TOO_MUCH: Final = {
    "ALL": "it holds SYS_ADMIN, which is nearly root on the host",
    "BPF": "it loads programs into the host's kernel",
    "MKNOD": "it makes device nodes, and labs have no use for them",
    "SYS_ADMIN": "it is nearly root on the host",
    "SYS_BOOT": "it can restart the host",
    "SYS_MODULE": "it loads code into the host's kernel",
    "SYS_PTRACE": "it can read and change other processes",
    "SYS_RAWIO": "it reaches the host's memory and disks",
    "SYS_TIME": "it sets the clock of the host",
}


def _no_substitution(value: str) -> str:
    """Return the text with `$$` as `$`. Raise ValueError for a variable."""
    if "$" in value.replace("$$", ""):
        raise ValueError(
            "variables are not substituted here: write the value, or $$ for a dollar sign"
        )
    return value.replace("$$", "$")


def _capability(name: str) -> str:
    """Return the capability's name. Raise ValueError if services may not have it."""
    bare = name.removeprefix("CAP_")
    if bare not in CAPABILITIES:
        why = _TOO_MUCH.get(bare, "no service of a lab needs it")
        raise ValueError(f"{bare} is not given: {why}. Allowed are {', '.join(CAPABILITIES)}")
    return bare


def _sysctl(name: str) -> str:
    """Return the name. Raise ValueError if it is not a sysctl of the network namespace."""
    if not re.fullmatch(r"net(\.[\w-]+)+", name):
        raise ValueError("only sysctls of the network namespace (net.*) can be set")
    return name


def _tmpfs(entry: str) -> str:
    """Return the entry. Raise ValueError if it is not a path with options."""
    path = entry.partition(":")[0]
    if not re.fullmatch(r"(/[\w.-]+)+(:[\w=,%-]+)?", entry) or ".." in path.split("/"):
        raise ValueError(f"a tmpfs is a path in the container, like /tmp:size=16m, not {entry!r}")
    return entry


def _memory(text: str) -> str:
    """Return the text. Raise ValueError if it is not a size of memory."""
    if not re.fullmatch(r"[1-9]\d{0,15}([bkmg]b?)?", text):
        raise ValueError(f"a size of memory is a number with a unit, like 256m, not {text!r}")
    return text


def _address(text: str) -> str:
    """Return the text. Raise ValueError if it is not an IPv4 address."""
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an IPv4 address") from None
    return text


def _service_address(text: str) -> str:
    """Return the address. Raise ValueError if its last number is not from 2 to 127: labs keep this
    number, 1 is the engine's, and clients get those from 128 on.
    """
    if not 2 <= int(_address(text).rpartition(".")[2]) <= 127:  # noqa: PLR2004
        raise ValueError(f"{text} must end in a number from 2 to 127; labs use the others")
    return text


def _subnet(text: str) -> str:
    """Return the text. Raise ValueError if it is not an IPv4 network."""
    try:
        ipaddress.IPv4Network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not an IPv4 network, like 198.18.7.0/24: {error}") from None
    return text


def _words(value: object) -> object:
    """Split a command into words, as a shell does."""
    if not isinstance(value, str):
        return value
    try:
        return tuple(shlex.split(value))
    except ValueError as error:
        raise ValueError(f"can't be split into words: {error}") from None


def _assignments(value: object) -> object:
    """Return variables as a mapping, from either of Compose's two forms."""
    if isinstance(value, tuple):
        return _assignments_of(value)
    if isinstance(value, dict):
        return {key: str(v) if type(v) is int else v for key, v in value.items()}
    return value


def _assignments_of(items: tuple[object, ...]) -> dict[str, str]:
    """Return the variables of a list of NAME=VALUE. Raise ValueError for any other entry."""
    found: dict[str, str] = {}
    for item in items:
        name, equals, text = item.partition("=") if isinstance(item, str) else ("", "", "")
        if not name or not equals:
            raise ValueError(f"each entry must be NAME=VALUE, not {item!r}")
        if name in found:
            raise ValueError(f"{name} is here twice")
        found[name] = text
    return found


def _names(items: tuple[object, ...]) -> list[str]:
    """Return the names in a list. Raise ValueError if an entry is something else."""
    names = [item for item in items if isinstance(item, str)]
    if len(names) != len(items):
        raise ValueError("each entry of this list must be a name")
    return names


def _attachments(value: object) -> object:
    """Return networks as a mapping, from either of Compose's two forms."""
    if isinstance(value, tuple):
        return {name: {} for name in _names(value)}
    if isinstance(value, dict):
        return {name: {} if body is None else body for name, body in value.items()}
    return value


def _dependencies(value: object) -> object:
    """Return dependencies as a mapping, from either of Compose's two forms."""
    return {name: {} for name in _names(value)} if isinstance(value, tuple) else value


def _one_or_more(value: object) -> object:
    """Return a single text as a tuple of one."""
    return (value,) if isinstance(value, str) else value


def _health_test(value: str | tuple[str, ...]) -> str | tuple[str, ...]:
    """Return the command of a health check. Raise ValueError if a list does not begin with CMD or
    CMD-SHELL.
    """
    if isinstance(value, tuple) and value[:1] not in {("CMD",), ("CMD-SHELL",)}:
        raise ValueError("a list must start with CMD or CMD-SHELL")
    return value


Value = Annotated[str, AfterValidator(_no_substitution)]
Filled = Annotated[Text, AfterValidator(_no_substitution)]
Words = Annotated[tuple[Value, ...], BeforeValidator(_words)]
Capability = Annotated[str, AfterValidator(_capability)]
Sysctl = Annotated[str, AfterValidator(_sysctl)]
Tmpfs = Annotated[str, AfterValidator(_tmpfs)]
Memory = Annotated[str, AfterValidator(_memory)]
Address = Annotated[str, AfterValidator(_address)]
ServiceAddress = Annotated[str, AfterValidator(_service_address)]
Subnet = Annotated[str, AfterValidator(_subnet)]
HealthTest = Annotated[tuple[Value, ...] | Filled, AfterValidator(_health_test)]


class Healthcheck(Input):
    """How the engine finds out that a service is ready; durations in seconds. A `test` that is
    text is run by the container's shell.
    """

    test: HealthTest
    interval: Seconds = 1.0
    timeout: Seconds = 5.0
    retries: Annotated[int, Field(ge=1, le=1000)] = 30
    start_period: Seconds = 0.0


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
    """

    name: Name = ""
    """The key that the service is listed under; never written in the file."""
    image: Filled
    command: Words = ()
    entrypoint: Words | None = None
    environment: Annotated[dict[str, Value], BeforeValidator(_assignments)] = Field(
        default_factory=dict
    )
    user: Filled | None = None
    working_dir: Filled | None = None
    cap_add: tuple[Capability, ...] = ()
    cap_drop: tuple[Literal["ALL"], ...] = ()
    security_opt: tuple[Literal["no-new-privileges:true"], ...] = ()
    read_only: bool = False
    tmpfs: Annotated[tuple[Tmpfs, ...], BeforeValidator(_one_or_more)] = ()
    sysctls: Annotated[dict[Sysctl, Value], BeforeValidator(_assignments)] = Field(
        default_factory=dict
    )
    pids_limit: Annotated[int, Field(ge=1, le=4096)] = 128
    mem_limit: Memory = "256m"
    networks: Annotated[dict[str, Attachment], BeforeValidator(_attachments)] = Field(
        default_factory=dict, max_length=1
    )
    healthcheck: Healthcheck | None = None
    depends_on: Annotated[dict[str, Dependency], BeforeValidator(_dependencies)] = Field(
        default_factory=dict
    )
    events: dict[str, tuple[str, ...]] | None = Field(default=None, alias=EVENTS_KEY)
    """What it can say of a client: events by name, each with its keys. None: nobody knows."""

    @property
    def aliases(self) -> tuple[str, ...]:
        """Every name of the lab's DNS that means this service."""
        return tuple(alias for net in self.networks.values() for alias in net.aliases)


class Pool(Input):
    """An address range in CIDR notation. labctl takes a free one of its own in its place."""

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
