"""The seam between labs and whatever runs their containers: what a `Runtime` has to provide.

Labs, services, taps, cleaning up and doctor stand on this and know no engine. A second engine is a
`Runtime` and an `ImageBackend` (labctl.engine.images.backend), listed in labctl.engine.access.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Protocol

from labctl.errors import EngineError, EngineGone

if TYPE_CHECKING:
    from labctl.engine.streams import Stream
    from labctl.model.compose import Healthcheck
    from labctl.model.result import EngineInfo


class Refusal(EngineError):
    """What an engine could not do, or would not. The message is the engine's own reason."""


class Busy(Refusal):
    """The engine can't remove something yet, and will be able to in a moment."""


class Unreachable(Refusal):
    """The engine does not answer, or the connection to it broke off."""


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Turn Refusals, and OSErrors of streams, into EngineErrors whose message begins with `what`.

    `what` says what is being done: "starting service mail". Unreachable becomes EngineGone. Other
    EngineErrors pass unchanged.
    """
    try:
        yield
    except Unreachable as error:
        raise EngineGone(f"{what}: {error.message}", hint=error.hint) from error
    except Refusal as error:
        raise EngineError(f"{what}: {error.message}", hint=error.hint) from error
    except OSError as error:
        raise EngineError(f"{what}: {error}", hint="run `labctl doctor`") from error


@dataclass(frozen=True, kw_only=True)
class OnNetwork:
    """A container's place on a network: a host of its own, with these addresses.

    `name_server` is the address of the lab's own, for the host's /etc/resolv.conf
    (labctl.engine.resolver). `names` are those of others and their addresses, for its /etc/hosts.
    Containers that join the host's namespace have the same resolv.conf.
    """

    network: str
    addresses: tuple[str, ...]
    name_server: str
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class InNamespaceOf:
    """A container's place in the network namespace that another container owns."""

    container: str


@dataclass(frozen=True, kw_only=True)
class ContainerSpec:
    """A container to be made. The defaults are what every container of a lab gets.

    It never gets proxy settings, published ports, devices or mounts of the host.
    """

    name: str
    image: str
    labels: Mapping[str, str]
    place: OnNetwork | InNamespaceOf | None = None
    """Where in the network it is; None: it has no network but loopback."""
    entrypoint: tuple[str, ...] = ()
    """Empty: the image's own. So with `command`, `user` and `working_dir`."""
    command: tuple[str, ...] = ()
    user: str = ""
    working_dir: str = ""
    hostname: str = ""
    """Empty: the engine's choice."""
    stop_signal: str = ""
    """What the engine sends to a container that people stop by hand. Empty: the image's own."""
    has_init: bool = False
    """Whether the engine's own init is the first process, which reaps orphans."""
    environment: Mapping[str, str] = field(default_factory=dict)
    health_check: Healthcheck | None = None
    has_stdin: bool = False

    capabilities: tuple[str, ...] = ()
    """All others are dropped. Names as in capabilities(7), without `CAP_`."""
    can_gain_privileges: bool = False
    has_ipc: bool = False
    """Whether it has an IPC namespace with shared memory to use."""
    shared_memory_bytes: int | None = None
    """The size of its shared memory, if it has any; None: the engine's choice."""
    is_root_writable: bool = True
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    """Mount options (tmpfs(5)) by path."""
    sysctls: Mapping[str, str] = field(default_factory=dict)
    memory_bytes: int | None = None
    has_swap: bool = True
    process_limit: int | None = None
    cpus: float | None = None


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """A network to be made for one lab: nothing on it reaches the host, other networks or the
    outside. Nobody has the address of the `gateway`.
    """

    name: str
    subnet: IPv4Network
    gateway: str
    labels: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """How a health check ended, and what it wrote. Without an `exit_code`, it took too long."""

    exit_code: int | None
    output: str


@dataclass(frozen=True, kw_only=True)
class ContainerState:
    """How a container is. `exit_code` says something only where it doesn't run.

    `is_healthy` is None while its health check has not decided, and True where it has none.
    `last_check` is the last time that the check was made, if it was.
    """

    is_running: bool
    exit_code: int = 0
    is_healthy: bool | None = True
    last_check: CheckResult | None = None
    is_out_of_memory: bool = False
    """Whether the kernel ended a process of it because its memory was used up."""


class ResourceKind(StrEnum):
    """The kinds of things that labctl leaves on an engine, in the order of their removal: a
    network can't be removed while a container is on it.
    """

    CONTAINER = "container"
    NETWORK = "network"
    VOLUME = "volume"


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A thing on the engine, with the labels that it was made with."""

    kind: ResourceKind
    id: str
    labels: Mapping[str, str]


class Connection(Protocol):
    """A connection to the engine that carries nothing. It ends with the engine."""

    def is_open(self) -> bool:
        """Tell whether the connection still stands. Waits for a moment only."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class Runtime(Protocol):
    """Runs containers. Its methods can be called from several threads at once.

    All raise Refusal where the engine can't or won't do something, and Unreachable where the engine
    does not answer or the connection to it breaks off.
    """

    @property
    def is_here(self) -> bool:
        """Whether the engine is on this machine, as far as its address tells."""
        ...

    @property
    def removes_whole_networks(self) -> bool:
        """Whether the containers on a network go with it, at once. If not, they are removed before
        it.
        """
        ...

    def ping(self) -> None:
        """Ask the engine, over a new connection, whether it is there. Raise Unreachable if it does
        not answer within a few seconds.
        """
        ...

    def connect(self) -> Connection:
        """Return a new connection, by which it can be told later whether the engine has been
        there all the time.
        """
        ...

    def info(self) -> EngineInfo:
        """Ask the engine for its name and version, its kernel and its architecture (`amd64`)."""
        ...

    def image_labels(self, image: str) -> Mapping[str, str] | None:
        """Ask the engine for the labels of an image; None if it has no image of that name."""
        ...

    def lacks_image(self, image: str) -> EngineError:
        """Return the error for an image that the engine lacks. Its hint says what to do."""
        ...

    def create_network(self, spec: NetworkSpec) -> str:
        """Make a network, and return its id.

        The first container that is made on it may have to carry it: it must be one whose program
        is of labctl's own image, must be started before any other on the network, and must stay as
        long as they do. The others' programs are of that image, too (`services/link.py`).
        """
        ...

    def create(self, spec: ContainerSpec) -> str:
        """Make a container without starting it, and return its id, which the other methods take."""
        ...

    def attach(self, container: str, *, stdin: bool) -> Stream:
        """Return the stdout and stderr of a container that has not been started, so that nothing it
        writes is missed; with `stdin`, also its stdin.
        """
        ...

    def start(self, container: str) -> None:
        """Start a container that was made. Do not wait for its program. Raise Refusal if the engine
        can't.
        """
        ...

    def wait(self, container: str) -> ContainerState:
        """Wait until a container has ended, and return its state."""
        ...

    def state(self, container: str) -> ContainerState:
        """Ask the engine for the state that a container is in now."""
        ...

    def resources(self, kind: ResourceKind, labels: Sequence[str]) -> list[Resource]:
        """Ask the engine for all things of a kind that have all of these labels: each a key, or
        `key=value`.
        """
        ...

    def listing_command(self, label: str) -> str:
        """Return a shell command that lists the containers with a label, for people to type."""
        ...

    def remove(self, kind: ResourceKind, id_: str) -> None:
        """Remove a thing: a container, running or not, with its volumes; a network; or a volume. Do
        nothing if it has gone. Raise Busy if it will be possible in a moment.
        """
        ...
